package console

// Expire ends the sessions whose time is over, as sweep does.
func (c *Console) Expire() { c.sessions.expire() }

// Help returns title and HTML of a page.
func Help(name, source string) (title, html string) {
	h := newHelp(name, []byte(source))
	return h.Title, h.HTML
}
