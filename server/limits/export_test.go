package limits

// Keys is how many keys are remembered.
func (c *Calls) Keys() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.keys.keys)
}

// Open is how many there are, and how many of them are strangers'.
func (c *Connections) Open() (all, strangers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.all, c.mu.strangers.Len()
}

// Hosts is how many addresses are remembered.
func (c *Connections) Hosts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.hosts.keys)
}
