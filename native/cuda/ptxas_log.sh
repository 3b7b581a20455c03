#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# Runs a compiler and keeps what it says in FOLDER/NAME.log, where NAME is that of the object file: what
# ptxas reports of each kernel would bury warnings, and CI looks there for spills. Shown on failure.
#
#   ptxas_log.sh FOLDER COMPILER ARGUMENT…
folder=$1
shift
name=unknown
previous=
for argument; do
  if [ "$previous" = -o ]; then name=$(basename "$argument" .o); fi
  previous=$argument
done
mkdir -p "$folder"
if "$@" 2>"$folder/$name.log"; then
  grep -i -A5 -E 'warning' "$folder/$name.log" >&2
  exit 0
else
  status=$?
  cat "$folder/$name.log" >&2
  exit $status
fi
