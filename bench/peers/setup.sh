#!/usr/bin/env bash
# setup.sh FOLDER [torchdiffeq|diffrax|neural_tangents ...]: the peers' Python environments, FOLDER/torchdiffeq, FOLDER/diffrax, ...
#
# torchdiffeq runs on Debian's PyTorch (python3-torch), so its environment sees the system's packages; diffrax comes with JAX's CPU
# build; neural-tangents, archived, with one of December 2023, since it breaks on later ones. Versions are pinned: a ratio is of
# something. Needs python3-venv and a way to PyPI; half a gigabyte for each JAX. Without names: torchdiffeq and diffrax.
set -euo pipefail
folder=${1:?setup.sh FOLDER [PEER ...]}
shift
(($#)) || set -- torchdiffeq diffrax

python=/usr/bin/python3
[[ -x $python ]] || python=$(command -v python3) || { echo "there is no python3: apt-get install python3 python3-venv"; exit 1; }

# make PEER PACKAGE...: beside its place first, so that an interrupted one is never taken for whole.
make() {
  local name=$1 place=$folder/$1 site=()
  shift
  [[ $name != torchdiffeq ]] || site=(--system-site-packages)
  rm -rf "$place"
  mkdir -p "$folder" 2>/dev/null || { echo "the folder $folder cannot be made"; exit 1; }
  "$python" -m venv "${site[@]}" "$place" >&2 || { echo "python3 cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || {
    rm -rf "$place"
    echo "pip could not install $*: is there a way to PyPI?"
    exit 1
  }
  touch "$place/complete"
}

for peer in "$@"; do
  case $peer in
    torchdiffeq)
      "$python" -c 'import torch' 2>/dev/null || { echo "$python has no PyTorch: apt-get install python3-torch"; exit 1; }
      make torchdiffeq 'torchdiffeq==0.2.5' 'numpy<2' 'scipy<1.18'
      ;;
    diffrax) make diffrax 'diffrax==0.7.2' 'jax[cpu]==0.10.2' ;;
    neural_tangents)
      make neural_tangents 'neural-tangents==0.6.5' 'jax==0.4.23' 'jaxlib==0.4.23' 'numpy<2' 'scipy<1.12'
      ;;
    *) echo "setup.sh knows no peer '$peer'"; exit 2 ;;
  esac
done
