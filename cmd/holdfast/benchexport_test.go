package main

// RemoveAllButNewest lets the tests look at what is left of a folder.
var RemoveAllButNewest = removeAllButNewest
