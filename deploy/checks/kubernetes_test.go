package checks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// manifests are what kubectl is given.
type manifests struct {
	set      *appsv1.StatefulSet
	config   *corev1.ConfigMap
	account  *corev1.ServiceAccount
	services map[string]*corev1.Service
	budget   *policyv1.PodDisruptionBudget
	network  *networkingv1.NetworkPolicy
}

// readManifests decodes every file strictly: a field that there is not, or that stands there
// twice, fails the test.
func readManifests(t *testing.T) *manifests {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		must(t, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	m := &manifests{services: map[string]*corev1.Service{}}
	files, err := filepath.Glob("../kubernetes/*.yaml")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			object, _, err := decoder.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			m.take(t, object)
		}
	}
	if m.set == nil || m.config == nil || m.account == nil || m.budget == nil || m.network == nil || len(m.services) != 2 {
		t.Fatalf("%s: something is missing: %+v", files, m)
	}
	return m
}

// take keeps an object; of most there is one.
func (m *manifests) take(t *testing.T, object runtime.Object) {
	t.Helper()
	switch o := object.(type) {
	case *appsv1.StatefulSet:
		m.set = o
	case *corev1.ConfigMap:
		m.config = o
	case *corev1.ServiceAccount:
		m.account = o
	case *corev1.Service:
		m.services[o.Name] = o
	case *policyv1.PodDisruptionBudget:
		m.budget = o
	case *networkingv1.NetworkPolicy:
		m.network = o
	default:
		t.Errorf("a %T: the test does not know it", o)
	}
}

func (m *manifests) pod() *corev1.PodSpec { return &m.set.Spec.Template.Spec }

func (m *manifests) container() *corev1.Container { return &m.pod().Containers[0] }

// selects says whether labels that are asked for are those of the pods.
func (m *manifests) selects(labels map[string]string) bool {
	for name, value := range labels {
		if m.set.Spec.Template.Labels[name] != value {
			return false
		}
	}
	return len(labels) > 0
}

// port is the container's port that a name or a number means; 0 = there is none.
func (m *manifests) port(of intstr.IntOrString) int {
	for _, p := range m.container().Ports {
		if of.StrVal == p.Name || of.Type == intstr.Int && of.IntVal == p.ContainerPort {
			return int(p.ContainerPort)
		}
	}
	return 0
}

// What belongs to the pods finds them, and the ports that it names.
func TestManifestsFindThePods(t *testing.T) {
	m := readManifests(t)
	for what, labels := range map[string]map[string]string{
		"the StatefulSet": m.set.Spec.Selector.MatchLabels, "the budget": m.budget.Spec.Selector.MatchLabels,
		"the network policy":   m.network.Spec.PodSelector.MatchLabels,
		"the headless Service": m.services[m.set.Spec.ServiceName].Spec.Selector, "the Service": m.services["destinations"].Spec.Selector,
	} {
		if !m.selects(labels) {
			t.Errorf("%s does not select the pods", what)
		}
	}
	for name, s := range m.services {
		for _, p := range s.Spec.Ports {
			if m.port(p.TargetPort) != int(p.Port) {
				t.Errorf("Service %s: port %d goes to %v, which is port %d of the container", name, p.Port, p.TargetPort, m.port(p.TargetPort))
			}
		}
	}
	if s := m.services[m.set.Spec.ServiceName]; s.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Error("the Service of the StatefulSet is not headless")
	}
	for _, rule := range m.network.Spec.Ingress {
		for _, p := range rule.Ports {
			if m.port(*p.Port) == 0 || len(rule.From) == 0 {
				t.Errorf("the network policy lets %d peers in at %v", len(rule.From), p.Port)
			}
		}
	}
	if m.pod().ServiceAccountName != m.account.Name {
		t.Errorf("the pods are %s, not %s", m.pod().ServiceAccountName, m.account.Name)
	}
}

// The container's ports, its time to stop, its memory and its volume agree with the flags.
func TestManifestsAgreeWithTheService(t *testing.T) {
	m := readManifests(t)
	c, flags := m.container(), flagsOf(m.container().Args)
	for flag, name := range map[string]string{"listen": "grpc", "operations-listen": "operations", "admin-listen": "admin"} {
		if port := m.port(intstr.FromString(name)); flags[flag] != fmt.Sprintf(":%d", port) {
			t.Errorf("--%s is %s, the port %s %d", flag, flags[flag], name, port)
		}
	}
	grace := duration(t, flags["shutdown-grace"]).Seconds() + float64(c.Lifecycle.PreStop.Sleep.Seconds) + graceMargin.Seconds()
	if given := float64(*m.pod().TerminationGracePeriodSeconds); given < grace {
		t.Errorf("the pod has %v s to stop, and needs %v", given, grace)
	}
	memory := c.Resources.Limits.Memory()
	checkMemory(t, "the limit", memory.Value(), size(t, flags["memory"]))
	if request := c.Resources.Requests.Memory(); request.Cmp(*memory) != 0 {
		t.Errorf("%v of memory are asked for, and %v the limit", request, memory)
	}
	const rest = 4 << 30 // control logs, states, a ledger's log, what a repair copies
	storage := m.set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().Value()
	if needed := size(t, flags["journal-quota"]) + size(t, flags["ledger-size"]) + rest; storage < needed {
		t.Errorf("the volume has %d GiB, and needs %d", storage>>30, needed>>30)
	}
	if !strings.HasPrefix(flags["data-dir"], c.VolumeMounts[0].MountPath+"/") || c.VolumeMounts[0].Name != m.set.Spec.VolumeClaimTemplates[0].Name {
		t.Errorf("the data folder %s is not below the root of the claimed volume", flags["data-dir"])
	}
}

// The pod may do as little as a pod can.
func TestManifestsRestrictThePod(t *testing.T) {
	m := readManifests(t)
	pod, c := m.pod().SecurityContext, m.container().SecurityContext
	if !*pod.RunAsNonRoot || *pod.RunAsUser == 0 || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security context is %v", pod)
	}
	if *c.AllowPrivilegeEscalation || !*c.ReadOnlyRootFilesystem || len(c.Capabilities.Drop) != 1 || c.Capabilities.Drop[0] != "ALL" || len(c.Capabilities.Add) > 0 {
		t.Errorf("the container's security context is %v", c)
	}
	if *pod.FSGroupChangePolicy != corev1.FSGroupChangeOnRootMismatch {
		t.Error("files of the journal are given to a group at each start")
	}
	if *m.pod().AutomountServiceAccountToken {
		t.Error("the pod can speak to the cluster")
	}
	for _, v := range m.pod().Volumes {
		if v.Secret != nil && *v.Secret.DefaultMode != 0o440 {
			t.Errorf("Secret %s has mode %#o", v.Secret.SecretName, *v.Secret.DefaultMode)
		}
	}
}

// Every Secret that the pod needs is made by a command of the README, with the files that
// the flags name.
func TestSecretsAreInTheReadme(t *testing.T) {
	m := readManifests(t)
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	secrets := 0
	for _, v := range m.pod().Volumes {
		if v.Secret == nil {
			continue
		}
		secrets++
		if !strings.Contains(string(readme), " "+v.Secret.SecretName+" ") || !strings.Contains(string(readme), "kubectl create secret") {
			t.Errorf("README does not say how %s is made", v.Secret.SecretName)
		}
	}
	if secrets != 2 {
		t.Errorf("%d secrets", secrets)
	}
}
