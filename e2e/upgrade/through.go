package upgrade

// Through is the environment in which a service reaches every endpoint but those of this
// machine through the proxy at url, whatever proxy the environment of this process names:
// so an endpoint that is part of a folder's identity can be served at any free port.
func Through(url string) []string {
	return []string{"HTTP_PROXY=" + url, "http_proxy=" + url, "NO_PROXY=", "no_proxy="}
}
