package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the whole command line: flags, variables and the keys of the
// configuration file are all read off this one struct.
type cli struct {
	Config string `placeholder:"FILE" help:"YAML file of settings; its keys are flag names (log-level: debug)."`

	Serve      serveCmd      `cmd:"" help:"Run the service."`
	Send       sendCmd       `cmd:"" help:"Send files of events, one event a line."`
	Flush      flushCmd      `cmd:"" help:"Close what is collected now, before its window ends; the upload follows."`
	List       listCmd       `cmd:"" help:"Show which destinations have undelivered events, and why."`
	Status     statusCmd     `cmd:"" help:"Show what became of the events of receipts."`
	Deliveries deliveriesCmd `cmd:"" help:"List the objects that were delivered, and those on their way."`
	Watch      watchCmd      `cmd:"" help:"Show deliveries as they are made."`
	Health     healthCmd     `cmd:"" help:"Ask whether the service takes events."`
	Check      checkCmd      `cmd:"" help:"Find out what the service can do at a destination, and what has to be granted."`
	Confirm    confirmCmd    `cmd:"" help:"Show that a tenant can read a bucket, so that its events are accepted there."`
	Redrive    redriveCmd    `cmd:"" help:"Try blocked destinations and dead batches again."`
	Dead       deadCmd       `cmd:"" help:"List, export and destroy dead batches."`
	Journal    journalCmd    `cmd:"" help:"Look at a data folder, and repair it."`
	Token      tokenCmd      `cmd:"" help:"Make, list and revoke the tokens of callers."`
	Grants     grantsCmd     `cmd:"" help:"Check and explain a grants file."`
	Profile    profileCmd    `cmd:"" help:"Remember how services are reached."`
	Policy     policyCmd     `cmd:"" help:"Print what AWS has to be told so that the service can deliver: the bucket's policy, and what belongs to it."`
	EgressIPs  egressCmd     `cmd:"" name:"egress-ips" help:"Print the addresses from which a service writes into buckets."`
	Completion completionCmd `cmd:"" help:"Print a script that lets a shell complete commands and flags."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// Help is the long text of --help.
func (*cli) Help() string {
	return `Every flag is also a variable and a key of the --config file: --log-level is DESTINATIONS_LOG_LEVEL and "log-level: debug". A flag beats its variable, which beats the profile of clients (--profile), which beats the file, which beats the default. One environment and one file serve all commands: what belongs to another command is passed over; a variable DESTINATIONS_* or a key that belongs to none is refused.`
}

// BeforeResolve gives kong the layers between the command line and the defaults.
// kong calls it once, when the command line has been read.
func (c *cli) BeforeResolve(ctx *kong.Context, p *process) error {
	l, err := newLayers(ctx, p.environ)
	if err != nil {
		return err
	}
	ctx.AddResolver(l)
	p.layers = l
	return nil
}

// command is what the command line chose.
type command struct {
	name string                 // such as "send"; empty if none was understood
	run  func(p *process) error // nil if nothing is to be run: help was printed
}

// parse reads the command line, the environment and the configuration file. The
// command's name is set also beside an error, as far as it was understood.
func (p *process) parse(args []string) (command, error) {
	helped := false
	parser, err := newParser(&cli{}, p, func(int) { helped = true })
	if err != nil {
		return command{}, fmt.Errorf("command line model: %w", err)
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}
	ctx, err := parser.Parse(args)
	if helped {
		return command{}, nil
	}
	if err != nil {
		return command{name: selectedName(err)}, err
	}
	run := func(p *process) error { return ctx.Run(p) }
	return command{name: ctx.Selected().Path(), run: run}, nil
}

// newParser builds kong's parser over c. exit is called when help was printed; it
// may return.
func newParser(c *cli, p *process, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("destinations"),
		kong.Description("Takes events over gRPC, answers when they are durable, and writes them to S3 once a minute."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(exit),
		kong.Bind(p),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// selectedName is the command that a parse error belongs to, as far as kong had
// read the command line.
func selectedName(err error) string {
	parse, ok := err.(*kong.ParseError)
	if !ok || parse.Context == nil || parse.Context.Selected() == nil {
		return ""
	}
	return parse.Context.Selected().Path()
}

// variable is the environment variable of a flag: DESTINATIONS_LOG_LEVEL for
// "log-level".
func variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// variablePrefix begins the name of every environment variable that is a flag.
const variablePrefix = "DESTINATIONS_"

// flagNames are the names of all flags of all commands that a variable or the
// configuration file may set, each once or more.
func flagNames(app *kong.Application) []string {
	var names []string
	for _, node := range append([]*kong.Node{app.Node}, app.Leaves(false)...) {
		for _, flag := range node.Flags {
			if flag != app.HelpFlag {
				names = append(names, flag.Name)
			}
		}
	}
	return names
}
