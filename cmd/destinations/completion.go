package main

import (
	"fmt"
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
	functions := template.FuncMap{"quote": quote, "bracketed": bracketed, "sentence": firstSentence}
	t, err := template.New(c.Shell).Funcs(functions).Parse(completionTemplate(c.Shell))
	if err != nil {
		return fmt.Errorf("completion: %w", err)
	}
	return t.Execute(p.stdout, completionOf(app.Model))
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
	Flags    []completedFlag // of every command
	Commands []completedCommand
}

// completedCommand is a command.
type completedCommand struct {
	Name, Help string
	Flags      []completedFlag
	Words      []string // its arguments, if they are of a fixed set
	Files      bool     // its arguments are files
	Folders    bool     // its arguments are folders
	Value      bool     // it has arguments
}

// completedFlag is a flag.
type completedFlag struct {
	Name, Help string
	Value      bool     // it takes one
	Words      []string // the value, if it is of a fixed set
	Files      bool     // the value is a file
	Folders    bool     // the value is a folder
}

// completionOf reads the command line's model.
func completionOf(app *kong.Application) completion {
	c := completion{Name: app.Name, Flags: completedFlags(app.Flags)}
	for _, node := range app.Leaves(true) {
		command := completedCommand{Name: node.Name, Help: node.Help, Flags: completedFlags(node.Flags)}
		for _, argument := range node.Positional {
			command.Value = true
			command.Words = words(argument)
			command.Files = argument.Name == "file"
		}
		c.Commands = append(c.Commands, command)
	}
	return c
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
