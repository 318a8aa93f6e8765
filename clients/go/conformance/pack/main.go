// Command pack makes the zip of the client's module, as a proxy would serve it, and opens
// it again: what is tested is what people get.
//
//	go run ./pack MODULE-FOLDER VERSION ZIP FOLDER
//
// FOLDER, which is empty or not there, gets what is in the zip.
package main

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: pack MODULE-FOLDER VERSION ZIP FOLDER")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(folder, version, archive, into string) error {
	m := module.Version{Path: "github.com/open-destinations/destinations/clients/go", Version: version}
	var packed bytes.Buffer // not yet in the folder that is packed
	if err := zip.CreateFromDir(&packed, m, folder); err != nil {
		return err
	}
	if err := os.WriteFile(archive, packed.Bytes(), 0o644); err != nil {
		return err
	}
	return zip.Unzip(into, m, archive)
}
