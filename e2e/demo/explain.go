package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// explain says how to go on from here.
func (d *demo) explain() {
	target := ""
	if d.svc.Target != serviceListen {
		target = " --target " + d.svc.Target
	}
	fmt.Fprintf(d.out, `
It goes on serving until Ctrl-C. Send your own from another terminal, one event a line:

    echo '{"hello":"world"}' | %[1]s send --bucket %[2]s --prefix %[3]s%[4]s

and have it in the bucket at once instead of when its window ends:

    %[1]s flush --bucket %[2]s --prefix %[3]s%[4]s

Every object is a file, until "make run" begins anew:

    find %[5]s -name '*.gz' | sort | xargs gunzip -c

S3 server   %[6]s, objects in %[5]s, its policy in %[7]s
service     %[8]s (gRPC), http://%[9]s/readyz, journal in %[10]s, log in %[11]s
`,
		short(d.bins.Service), bucket, prefix, target,
		short(filepath.Join(d.s3.Folder, bucket)), d.s3.Endpoint, short(d.folder.policy(bucket)),
		d.svc.Target, d.svc.Admin, short(d.folder.data()), short(d.folder.serviceLog()))
}

// short is a path as one would type it here.
func short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || len(rel) > len(path) {
		return path
	}
	return rel
}
