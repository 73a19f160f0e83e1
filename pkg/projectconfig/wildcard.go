package projectconfig

// matchWildcard reports whether the whole of s fits pattern, in which "*" stands
// for any run of characters without dots, also an empty one, "**" for any run,
// and everything else for itself. The time is proportional to the product of the
// lengths, whatever the pattern.
func matchWildcard(pattern, s string) bool {
	// reach[i] says whether what was read of the pattern fits s[:i].
	reach := make([]bool, len(s)+1)
	reach[0] = true
	for p := 0; p < len(pattern); p++ {
		if pattern[p] != '*' {
			for i := len(s); i > 0; i-- {
				reach[i] = reach[i-1] && s[i-1] == pattern[p]
			}
			reach[0] = false
			continue
		}
		dots := p+1 < len(pattern) && pattern[p+1] == '*'
		if dots {
			p++
		}
		for i := 1; i <= len(s); i++ {
			reach[i] = reach[i] || reach[i-1] && (dots || s[i-1] != '.')
		}
	}
	return reach[len(s)]
}
