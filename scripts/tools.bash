# Programs that check the code, built at fixed versions into the cache folder.
# Sourced, after environment.bash, which sets cache.
# shellcheck shell=bash disable=SC2154

# module_of names the module and version of a program.
module_of() {
	case $1 in
	golangci-lint) echo github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 ;;
	govulncheck) echo golang.org/x/vuln/cmd/govulncheck@v1.9.0 ;;
	esac
}

# tool prints the path of a program, and builds it first where it is not there.
# A program is built anew after Go was updated: one built by an older Go can't
# read what a newer one compiles.
tool() {
	local name=$1 module version program folder
	module=$(module_of "$name")
	version=${module#*@}
	program=$cache/bin/$name-$version-$(go env GOVERSION)
	if [ ! -x "$program" ]; then
		folder=$(mktemp -d)
		# Outside of this module, whose go.mod has no part in it.
		(cd / && GOFLAGS='' GOBIN=$folder quietly "building $name $version" go install "$module") || return
		mv "$folder/$name" "$program"
		rmdir "$folder"
	fi
	echo "$program"
}
