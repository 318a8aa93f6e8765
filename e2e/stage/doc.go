// Package stage puts together what a long run needs: an S3 server, the service, a proxy
// in front of each, and clients that resend blindly.
package stage
