package upgrade

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// noteName is the archive's first file.
	noteName = "note.json"

	// sizeRecord is the PAX record of a file's size in the folder: the zeros at its end,
	// which segments are preallocated with, are not in the archive.
	sizeRecord = "DESTINATIONS.size"
)

// Pack writes a data folder that no process has open, and its note, as a tar file
// compressed with gzip. What says who has had it open is left out.
func Pack(to io.Writer, dir string, note *Note) error {
	zip, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	archive := tar.NewWriter(zip)
	text, err := json.MarshalIndent(note, "", " ")
	if err == nil {
		err = add(archive, noteName, text, int64(len(text)))
	}
	if err == nil {
		err = addFolder(archive, dir)
	}
	if err := errors.Join(err, archive.Close(), zip.Close()); err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	return nil
}

// addFolder adds the files of a folder.
func addFolder(archive *tar.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "LOCK" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return add(archive, filepath.ToSlash(filepath.Join("data", name)), bytes.TrimRight(content, "\x00"), int64(len(content)))
	})
}

// add adds a file whose size in the folder is size.
func add(archive *tar.Writer, name string, content []byte, size int64) error {
	err := archive.WriteHeader(&tar.Header{
		Name: name, Size: int64(len(content)), Mode: 0o600, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
		PAXRecords: map[string]string{sizeRecord: strconv.FormatInt(size, 10)},
	})
	if err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}

// Unpack makes the data folder dir as it was packed, with holes for the zeros at the ends
// of files, and returns its note.
func Unpack(from io.Reader, dir string) (*Note, error) {
	note, err := unpack(from, dir)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", dir, err)
	}
	return note, nil
}

func unpack(from io.Reader, dir string) (*Note, error) {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return nil, err
	}
	note := &Note{}
	archive := tar.NewReader(zip)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return note, zip.Close()
		}
		if err != nil {
			return nil, err
		}
		name, inFolder := strings.CutPrefix(header.Name, "data/")
		switch {
		case header.Name == noteName:
			err = json.NewDecoder(archive).Decode(note)
		case inFolder && filepath.IsLocal(name):
			err = extract(archive, header, filepath.Join(dir, filepath.FromSlash(name)))
		default:
			err = errors.New("not a name of such an archive")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// extract makes the file called name.
func extract(from io.Reader, header *tar.Header, name string) error {
	size, err := strconv.ParseInt(header.PAXRecords[sizeRecord], 10, 64)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Truncate(size), file.Close())
}
