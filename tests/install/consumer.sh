#!/bin/bash
# consumer.sh BUILD: installs the build into a folder of its own, builds examples/hosts against it as a project that knows nothing of this
# one, and runs both hosts. Run in the project's folder.
set -euo pipefail
build=$1
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
fail() { echo "consumer: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$where/usr" > "$where/install.log"
mv "$where/usr" "$where/moved"  # nothing in it may know where it was
prefix=$where/moved
lib=$(dirname "$(find "$prefix" -name 'liblvm.so')")
for file in bin/lvmc include/lvm/lvm.h include/lvm/lvm.hpp share/man/man1/lvmc.1 share/man/man3/lvm.3 \
    share/bash-completion/completions/lvmc share/zsh/site-functions/_lvmc share/fish/vendor_completions.d/lvmc.fish; do
  [[ -s $prefix/$file ]] || fail "$file is not installed"
done

# The border: what lvm.h declares, and no symbol beside it.
declared=$(grep -o 'lvm_[a-z_]* *(' "$prefix/include/lvm/lvm.h" | tr -d ' (' | grep -v '_function$' | sort -u)
exported=$(nm -D --defined-only "$lib/liblvm.so" | awk '$2 != "A" {sub("@.*", "", $3); print $3}' | sort -u)
diff <(echo "$declared") <(echo "$exported") || fail "lvm.h and liblvm.so do not agree"

cmake -S "$prefix/share/lvm/examples/hosts" -B "$where/hosts" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > "$where/configure.log"
cmake --build "$where/hosts" > "$where/build.log" || { cat "$where/build.log"; fail "the hosts do not build"; }

data=examples/data/faithful.csv
"$prefix/bin/lvmc" run examples/gmm.lvm "$data" --set K=2 --out "$where/fit" -q > /dev/null
"$prefix/bin/lvmc" score "$where/fit" "$data" --format csv | tail -n +2 | cut -d, -f2 > "$where/by_lvmc"
"$where/hosts/score_stream" "$where/fit/fit.lvmfit" < "$data" > "$where/by_stream"
[[ $(wc -l < "$where/by_stream") == 272 ]] || fail "score_stream did not score every row"
paste "$where/by_lvmc" "$where/by_stream" | awk '{d = $1 - $2; if (d * d > 1e-24 * $1 * $1) exit 1}' || fail "score_stream and lvmc differ"
# Each row is told as soon as it is there.
{ head -n 2 "$data"; sleep 1; wc -l < "$where/early" >&3; } 3> "$where/lines" | "$where/hosts/score_stream" "$where/fit/fit.lvmfit" > "$where/early"
[[ $(cat "$where/lines") == 1 ]] || fail "score_stream holds rows back"
printf 'eruptions,waiting\n1,x\n' | "$where/hosts/score_stream" "$where/fit/fit.lvmfit" 2> "$where/error" && fail "a row that is none was scored"
grep -q 'line 2: `x` is no number' "$where/error" || fail "the message is $(cat "$where/error")"
"$prefix/bin/lvmc" run examples/latent_class.lvm examples/data/survey.csv --out "$where/classes" -q > /dev/null
"$prefix/bin/lvmc" score "$where/classes" examples/data/survey.csv --format csv | tail -n +2 | cut -d, -f2 > "$where/by_lvmc"
"$where/hosts/score_stream" "$where/classes/fit.lvmfit" < examples/data/survey.csv | paste "$where/by_lvmc" - |
  awk '{d = $1 - $2; if (d * d > 1e-24 * $1 * $1) exit 1} END {if (NR < 100) exit 1}' || fail "score_stream and lvmc differ about categories"
"$where/hosts/score_stream" "$data" < "$data" 2> "$where/error" && fail "a table was taken for a fit"
grep -q E0710 "$where/error" || fail "the message is $(cat "$where/error")"

"$where/hosts/refit" examples/gmm.lvm 150 20 K=2 < "$data" > "$where/refits"
[[ $(grep -c ' rows, ' "$where/refits") == 7 ]] || fail "refit did not learn in seven steps"
# mclust 6.0, VVV with 2 components, on all rows at once: longer eruptions are 0.64413 of them, and have the mean 4.2897, 79.968.
tail -n 4 "$where/refits" | awk '
  function near(a, b) { return (a - b) * (a - b) < 1e-4 * b * b }
  $1 == "weight:" { ok += near($2, 0.64413) || near($2, 0.35587) }
  $1 == "mean:" { ok += near($2, 4.2897) && near($3, 79.968) || near($4, 4.2897) && near($5, 79.968) }
  END { exit ok != 2 }' || fail "refit is far off: $(tail -n 4 "$where/refits")"

if command -v pkg-config > /dev/null; then
  read -ra flags <<< "$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs lvm)"
  ${CC:-cc} -std=c99 examples/hosts/score_stream.c -o "$where/by_pkg_config" "${flags[@]}" -lm
  LD_LIBRARY_PATH=$lib "$where/by_pkg_config" "$where/fit/fit.lvmfit" < "$data" | cmp - "$where/by_stream" || fail "pkg-config leads to another library"
fi
if command -v man > /dev/null; then
  for page in "$prefix"/share/man/man*/*; do
    man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 > /dev/null | grep . && fail "$page has faults"
  done
fi
echo "consumer: installed, found, built and run"
