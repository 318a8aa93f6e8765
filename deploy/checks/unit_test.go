package checks

import (
	"os"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

const unitFile = "../systemd/destinations.service"

// unitOptions are the values of a unit by section and name, such as Service.ExecStart.
type unitOptions map[string][]string

// readUnit reads a unit, or a drop-in.
func readUnit(t *testing.T, name string) unitOptions {
	t.Helper()
	file, err := os.Open(name)
	must(t, err)
	defer file.Close()
	options, err := unit.DeserializeOptions(file)
	must(t, err)
	all := unitOptions{}
	for _, o := range options {
		name := o.Section + "." + o.Name
		all[name] = append(all[name], o.Value)
	}
	return all
}

// service is the only value of an option of the service.
func (u unitOptions) service(t *testing.T, name string) string {
	t.Helper()
	values := u["Service."+name]
	if len(values) != 1 {
		t.Fatalf("%s has %d values in the unit, want one", name, len(values))
	}
	return values[0]
}

// environment are the variables that the unit sets, as the service sees them.
func (u unitOptions) environment() []string {
	var all []string
	for _, line := range u["Service.Environment"] {
		all = append(all, strings.Fields(strings.ReplaceAll(line, "%S", "/var/lib"))...)
	}
	return all
}

// The unit's limits agree with what the service is told.
func TestUnitAgreesWithTheService(t *testing.T) {
	u := readUnit(t, unitFile)
	env := variables(u.environment())
	grace, memory := duration(t, env["DESTINATIONS_SHUTDOWN_GRACE"]), size(t, env["DESTINATIONS_MEMORY"])
	if stop := duration(t, u.service(t, "TimeoutStopSec")); stop < grace+graceMargin {
		t.Errorf("TimeoutStopSec is %v, want %v above the grace of %v", stop, graceMargin, grace)
	}
	checkMemory(t, "MemoryMax", size(t, u.service(t, "MemoryMax")), memory)
	if signal, mode := u.service(t, "KillSignal"), u.service(t, "KillMode"); signal != "SIGTERM" || mode != "mixed" {
		t.Errorf("KillSignal is %s, KillMode %s; want one SIGTERM", signal, mode)
	}
	if dir := env["DESTINATIONS_DATA_DIR"]; dir != "/var/lib/"+u.service(t, "StateDirectory") {
		t.Errorf("the data folder is %s, and no StateDirectory", dir)
	}
	if mode := u.service(t, "StateDirectoryMode"); mode != "0700" {
		t.Errorf("the data folder has the mode %s", mode)
	}
}

// The user of the unit is the one that systemd-sysusers makes, and the drop-in lets the AWS
// SDK read the credential that it has loaded.
func TestUnitHasItsUserAndCredentials(t *testing.T) {
	u := readUnit(t, unitFile)
	made, err := os.ReadFile("../systemd/destinations.sysusers.conf")
	must(t, err)
	if want := "\nu " + u.service(t, "User") + " "; !strings.Contains(string(made), want) {
		t.Errorf("sysusers.conf has no %q", want)
	}
	dropIn := readUnit(t, "../systemd/credentials.conf")
	id, _, _ := strings.Cut(dropIn.service(t, "LoadCredential"), ":")
	if file := variables(dropIn["Service.Environment"])["AWS_SHARED_CREDENTIALS_FILE"]; file != "%d/"+id {
		t.Errorf("the AWS SDK reads %q, and the credential is %%d/%s", file, id)
	}
}
