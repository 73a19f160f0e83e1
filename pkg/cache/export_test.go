package cache

// Stop ends what a cache does beside its callers, so that a test can end.
func (c *Cache[K, V]) Stop() { c.entries.(otterEntries).cache.StopAllGoroutines() }
