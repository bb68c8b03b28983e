// Package deploy tests the files of this folder, with which holdfast is deployed: the image,
// the compose files, the systemd unit. It holds no code of the program and has nothing to call.
//
// The gate tests start containers in a network namespace and a storage that are their own, and
// remove both.
package deploy
