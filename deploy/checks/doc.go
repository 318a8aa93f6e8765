// Package checks holds what lies in deploy against the tools that read it, against each
// other, and against the service: its tests start it as each of them says, with a read-only
// root, as a user of its own and, where the unit has it so, behind the unit's filter of
// system calls. It is a module of its own, since the types of Kubernetes and the parser of
// Dockerfiles come with much.
package checks
