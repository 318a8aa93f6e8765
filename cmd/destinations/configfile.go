package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"
)

// configFile is a configuration file: a YAML mapping of flag names to single
// values. A value is read as the text that stands there, as on the command line.
type configFile struct {
	path    string
	entries map[string]configEntry // by key
	keys    []string               // in the order of the file
}

// configEntry is one line of a configuration file.
type configEntry struct {
	key, value string
	line       int
}

// place says where an entry stands, for messages.
func (f *configFile) place(e configEntry) string {
	return fmt.Sprintf("%s:%d", f.path, e.line)
}

// readConfigFile reads a configuration file. An empty file has no keys.
func readConfigFile(path string) (*configFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", configFlag, err)
	}
	return parseConfig(path, text)
}

// parseConfig parses the text of a configuration file; path is for messages.
func parseConfig(path string, text []byte) (*configFile, error) {
	f := &configFile{path: path, entries: map[string]configEntry{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return f, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one YAML document", path)
	}
	return f, f.read(document.Content[0])
}

// read takes the keys of the document; the error joins all problems.
func (f *configFile) read(root *yaml.Node) error {
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil // comments alone
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: must be lines of \"flag-name: value\"", f.path, root.Line)
	}
	var problems []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		e := configEntry{key: key.Value, value: value.Value, line: key.Line}
		_, twice := f.entries[e.key]
		switch {
		case key.Kind != yaml.ScalarNode:
			problems = append(problems, fmt.Errorf("%s: a key must be a flag's name", f.place(e)))
		case twice:
			problems = append(problems, fmt.Errorf("%s: %s stands here twice", f.place(e), e.key))
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			problems = append(problems, fmt.Errorf("%s: %s must have one value (\"\" for an empty one)", f.place(e), e.key))
		default:
			f.entries[e.key] = e
			f.keys = append(f.keys, e.key)
		}
	}
	return errors.Join(problems...)
}

// unknown names the keys that are not known, with the nearest that is.
func (f *configFile) unknown(known []string) []error {
	var problems []error
	for _, key := range f.keys {
		switch {
		case key == configFlag:
			problems = append(problems, fmt.Errorf("%s: a configuration file can't name another one", f.place(f.entries[key])))
		case !slices.Contains(known, key):
			problems = append(problems, fmt.Errorf("%s: unknown key %q%s", f.place(f.entries[key]), key, suggestion(key, known)))
		}
	}
	return problems
}
