/** core-services/08-sysctl.sh of void-runit, which is in the public domain. */
export const VOID_SCRIPT = `# vim: set ts=4 sw=4 et:

if [ -x /sbin/sysctl -o -x /bin/sysctl ]; then
    msg "Loading sysctl(8) settings..."
    mkdir -p /run/vsysctl.d
    for i in /run/sysctl.d/*.conf \\
        /etc/sysctl.d/*.conf \\
        /usr/local/lib/sysctl.d/*.conf \\
        /usr/lib/sysctl.d/*.conf; do

        if [ -e "$i" ] && [ ! -e "/run/vsysctl.d/\${i##*/}" ]; then
            ln -s "$i" "/run/vsysctl.d/\${i##*/}"
        fi
    done
    for i in /run/vsysctl.d/*.conf; do
        sysctl -p "$i"
    done
    rm -rf -- /run/vsysctl.d
    sysctl -p /etc/sysctl.conf
fi
`;
