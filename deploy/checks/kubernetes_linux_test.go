package checks

import (
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The service starts as the pod does: with the image's entrypoint and variables, the
// manifest's arguments, its ConfigMap and Secrets where they are mounted, and a volume that is
// root's and a group's. Its probes find it.
func TestPodStarts(t *testing.T) {
	m, i := readManifests(t), readImage(t)
	pod, c := m.pod(), m.container()
	w := newWorld(t)
	env := i.env
	for _, v := range c.Env {
		env = append(env, v.Name+"="+v.Value)
	}
	b := w.box(int(*pod.SecurityContext.RunAsUser), env)
	b.Groups = []int{int(*pod.SecurityContext.FSGroup)}
	b.Args = append([]string{i.args[0]}, c.Args...)
	w.install(i.args[0])
	at := map[string]string{}
	for _, mount := range c.VolumeMounts {
		at[mount.Name] = mount.MountPath
	}
	for name, content := range m.config.Data {
		w.file(filepath.Join(at["config"], name), content)
	}
	w.access(at["tls"], filepath.Join(at["tokens"], "tokens.json"), "")
	w.writable(b, at["journal"], 0o2775, int(*pod.SecurityContext.FSGroup))

	p := w.start(b)
	w.prove(p)
	w.flush("127.0.0.1:50052")
	for name, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		get := probe.HTTPGet
		if got := w.get(m.port(get.Port), get.Path); got != 200 || get.Scheme != corev1.URISchemeHTTPS {
			t.Errorf("the %s probe gets %d", name, got)
		}
	}
	if m.port(intstr.FromString("admin")) != 9464 {
		t.Error("the admin pages are elsewhere")
	}
	p.stop()
	w.checkFolder(flagsOf(c.Args)["data-dir"], b.UID)
}
