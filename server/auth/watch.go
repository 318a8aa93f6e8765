package auth

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
)

// source is what some files say, which are read again and again.
type source struct {
	name  string // what it is, for the log
	paths []string
	most  int64 // bytes of a file
	load  func(texts [][]byte) error

	seen [sha256.Size]byte // of what was read last, or of why it could not be
	next [sha256.Size]byte // the same of what was found at the last look
}

// first reads the files when the service starts: what is wrong with them is an error.
func (s *source) first() error {
	texts, sum, err := s.read()
	if err == nil {
		err = s.load(texts)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.seen = sum
	return nil
}

// again reads the files and reports whether they say something new. Unless they are known
// to be whole, they count when two looks find the same: who is writing one may have written
// half of it, and the beginning of a list of grants is one. What is wrong with them is logged
// once, and what they said before holds.
func (s *source) again(log *slog.Logger, whole bool) bool {
	texts, sum, err := s.read()
	if err != nil {
		sum = sha256.Sum256([]byte(err.Error()))
	}
	before := s.next
	if s.next = sum; sum == s.seen || sum != before && !whole {
		return false
	}
	s.seen = sum
	if err == nil {
		err = s.load(texts)
	}
	if err != nil {
		log.Error("a file can't be used as it is now: what it said before holds", "of", s.name, "files", s.paths, "error", err)
		return false
	}
	log.Info("a file that has changed was read", "of", s.name, "files", s.paths)
	return true
}

func (s *source) read() (texts [][]byte, sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, path := range s.paths {
		text, err := readFile(path, s.most)
		if err != nil {
			return nil, sum, err
		}
		texts = append(texts, text)
		fmt.Fprintf(h, "%d\x00", len(text))
		h.Write(text)
	}
	return texts, [sha256.Size]byte(h.Sum(nil)), nil
}

// readFile reads a regular file of no more than a size.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hold up the others
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), most)
	}
	var text bytes.Buffer
	_, err = io.Copy(&text, io.LimitReader(f, most))
	return text.Bytes(), err
}
