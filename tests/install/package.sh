#!/bin/bash
# package.sh BUILD: the Debian package, and what is in it.
set -euo pipefail
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
cpack --config "$1/CPackConfig.cmake" -B "$where" > "$where/log" || { cat "$where/log"; exit 1; }
package=$(ls "$where"/*.deb)
dpkg-deb -f "$package" Depends | grep -q libllvm19 || { echo "package: it does not say that it needs LLVM" >&2; exit 1; }
dpkg-deb -x "$package" "$where/root"
for file in bin/lvmc include/lvm/lvm.h share/man/man1/lvmc.1; do
  [[ -s $where/root/usr/$file ]] || { echo "package: no $file" >&2; exit 1; }
done
"$where/root/usr/bin/lvmc" doctor
echo "package: $(basename "$package")"
