. "$(dirname "$0")/lib.sh"
R=$(<"$KERNELS/6.1/release"); unpack_source try "$R" "$(<"$KERNELS/6.1/version")" source-try
