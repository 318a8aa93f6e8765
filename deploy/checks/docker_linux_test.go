package checks

import (
	"strconv"
	"strings"
	"testing"
)

// The service starts as the image does, with the configuration that lies beside it, and its
// health check finds it.
func TestImageStarts(t *testing.T) {
	i := readImage(t)
	uid, err := strconv.Atoi(strings.Split(i.user, ":")[0])
	must(t, err)
	w := newWorld(t)
	b := w.box(uid, i.env)
	b.Args = i.args
	w.install(i.args[0])
	w.file("/etc/destinations/config.yaml", read(t, "../docker/config.yaml"))
	w.access("/etc/destinations/tls", "/etc/destinations/tokens.json", "/etc/destinations/grants.yaml")
	w.writable(b, i.volume, 0o700, 0)
	p := w.start(b)
	w.prove(p)
	w.flush("127.0.0.1:50051")

	check := w.box(uid, i.env)
	check.Args = i.health[1:]
	c := w.start(check)
	<-c.done
	if c.err != nil || c.said.String() != "SERVING\n" {
		t.Errorf("the health check: %v, %q", c.err, c.said)
	}
	p.stop()
	w.checkFolder(i.volume, uid)
}
