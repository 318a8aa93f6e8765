package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

// completionCmd prints a script that lets a shell complete the commands, flags and
// values of this program.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the long text of --help.
func (*completionCmd) Help() string {
	return `For this shell: source <(destinations completion bash), or zsh; destinations completion fish | source. For every shell from now on, write the script to where yours looks for them:

bash: ~/.local/share/bash-completion/completions/destinations

zsh: _destinations in a folder of $fpath

fish: ~/.config/fish/completions/destinations.fish`
}

// Run prints the script.
func (c *completionCmd) Run(p *process, app *kong.Kong) error {
	return writeCompletion(p.stdout, c.Shell, app.Model)
}

// writeCompletion writes the script for a shell.
func writeCompletion(w io.Writer, shell string, app *kong.Application) error {
	functions := template.FuncMap{"quote": quote, "bracketed": bracketed, "sentence": firstSentence}
	t, err := template.New(shell).Funcs(functions).Parse(completionTemplate(shell))
	if err != nil {
		return fmt.Errorf("completion: %w", err)
	}
	return t.Execute(w, completionOf(app))
}

// completionTemplate is the script for a shell.
func completionTemplate(shell string) string {
	switch shell {
	case "zsh":
		return zshCompletion
	case "fish":
		return fishCompletion
	}
	return bashCompletion
}

// completion is what there is to complete.
type completion struct {
	Name     string
	Flags    []completedFlag    // of every command
	Commands []completedCommand // those of a group behind it
}

// completedCommand is a command, or a group of commands: then its arguments are
// their names.
type completedCommand struct {
	Path    []string // its name, behind that of its group if it has one
	Help    string
	Flags   []completedFlag
	Words   []string // its arguments, if they are of a fixed set
	Group   bool
	Files   bool     // its arguments are files
	Folders bool     // its arguments are folders
	Value   bool     // it has arguments
	Not     []string // groups that have a command of the same name
}

// Full is the command's whole name.
func (c completedCommand) Full() string { return strings.Join(c.Path, " ") }

// Name is the last word of it.
func (c completedCommand) Name() string { return c.Path[len(c.Path)-1] }

// In is the name of the command's group; "" if it is in none.
func (c completedCommand) In() string { return strings.Join(c.Path[:len(c.Path)-1], " ") }

// completedFlag is a flag.
type completedFlag struct {
	Name, Help string
	Value      bool     // it takes one
	Words      []string // the value, if it is of a fixed set
	Files      bool     // the value is a file
	Folders    bool     // the value is a folder
}

// completionOf reads the command line's model, whose groups hold no groups.
func completionOf(app *kong.Application) completion {
	c := completion{Name: app.Name, Flags: completedFlags(app.Flags)}
	groups := map[string][]string{} // by the name of a command: the groups that have one of it
	for _, node := range app.Children {
		for _, child := range node.Children {
			groups[child.Name] = append(groups[child.Name], node.Name)
		}
	}
	for _, node := range app.Children {
		command := completedOf(node)
		command.Not = groups[node.Name]
		c.Commands = append(c.Commands, command)
		for _, child := range node.Children {
			command := completedOf(child)
			command.Path = []string{node.Name, child.Name}
			c.Commands = append(c.Commands, command)
		}
	}
	return c
}

func completedOf(node *kong.Node) completedCommand {
	command := completedCommand{Path: []string{node.Name}, Help: node.Help, Flags: completedFlags(node.Flags), Group: len(node.Children) > 0}
	for _, child := range node.Children {
		command.Words = append(command.Words, child.Name)
	}
	for _, argument := range node.Positional {
		command.Value = true
		command.Words = words(argument)
		command.Files = argument.Name == "file"
	}
	return command
}

func completedFlags(flags []*kong.Flag) []completedFlag {
	var completed []completedFlag
	for _, flag := range flags {
		completed = append(completed, completedFlag{
			Name:    flag.Name,
			Help:    flag.Help,
			Value:   !flag.IsBool(),
			Words:   words(flag.Value),
			Files:   flag.PlaceHolder == "FILE",
			Folders: flag.PlaceHolder == "FOLDER",
		})
	}
	return completed
}

// words are the values that v may have; nil if they are no fixed set.
func words(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return slices.DeleteFunc(v.EnumSlice(), func(word string) bool { return word == "" })
}

// quote is text as one word of any of the shells.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// bracketed is help as zsh takes it beside a flag.
func bracketed(help string) string {
	return "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(firstSentence(help)) + "]"
}

// firstSentence is as much of a help as has room in a line.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}
