# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_meridian_global_optspecs
    string join \n root= h/help
end

function __fish_meridian_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_meridian_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_meridian_using_subcommand
    set -l cmd (__fish_meridian_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c meridian -n "__fish_meridian_needs_command" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "status" -d 'Show how the agent is: health, portal, policy, check-ins, settings, virtual machines'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "explain" -d 'Show which value of each setting holds, who says so, and what it overrides'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "plan" -d 'Show what would be changed on this Mac now, and why'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "vms" -d 'List the virtual machines that you may see'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "images" -d 'Show which golden images are offered, to whom, why not, and what is being installed'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "install-image" -d 'Install a golden image as a virtual machine of yours, and wait for it'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "updates" -d 'Show which update of Parallels Desktop is allowed, which is held back, and why'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "license" -d 'Show how the license of Parallels Desktop stands, and what happens next'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "deactivate-license" -d 'Give the license of Parallels Desktop back, and free its seat (root only)'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "sync" -d 'Check in with the portal now and wait for the result (root only)'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "leave" -d 'Put back what stood before the policy and tell the portal, before the agent is removed (root only)'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "version" -d 'Show the version'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "doctor" -d 'Look at each link from MDM to Parallels Desktop for what is broken, and say what to do'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "diagnose" -d 'Write one archive for support, without secrets, and print its path (root only)'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "place-image" -d 'Put an image into a user\'s folder, as that user; the daemon does this'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "settle-image" -d 'Give a placed image its name, as its user; the daemon does this'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "profile" -d 'Make the profile that MDM delivers to the Macs'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "config" -d 'Judge the keys of a profile or a property list before MDM delivers it'
complete -c meridian -n "__fish_meridian_needs_command" -f -a "daemon" -d 'Run the agent in the foreground; launchd does this'
complete -c meridian -n "__fish_meridian_using_subcommand status" -l field -d 'Print the bare value of this field alone, on one line; nothing where there is none' -r
complete -c meridian -n "__fish_meridian_using_subcommand status" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand status" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand status" -l check -d 'End with exit code 3 unless all is well'
complete -c meridian -n "__fish_meridian_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand explain" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand explain" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand plan" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand plan" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand vms" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand vms" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand vms" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand images" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand images" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand images" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -l user -d 'Install it for the user of this short name (root only)' -r
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -l timeout -d 'Wait no longer than this; it goes on nevertheless' -r
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -l no-wait -d 'Order it, and do not wait for it'
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand install-image" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand updates; and not __fish_seen_subcommand_from check-feed" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand updates; and not __fish_seen_subcommand_from check-feed" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand updates; and not __fish_seen_subcommand_from check-feed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand updates; and not __fish_seen_subcommand_from check-feed" -f -a "check-feed" -d 'Check the parallels_updates.xml of a local update server; exit code 1 for any fault'
complete -c meridian -n "__fish_meridian_using_subcommand updates; and __fish_seen_subcommand_from check-feed" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand updates; and __fish_seen_subcommand_from check-feed" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand updates; and __fish_seen_subcommand_from check-feed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand license" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand license" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand license" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -l id -d 'Name this order: run again under the same name, it does nothing' -r
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -l timeout -d 'End after this time at the latest' -r
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -l require-ack -d 'End with exit code 6 unless the portal knows of it in time'
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand deactivate-license" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand sync" -l timeout -d 'Wait this long for the check-in to end' -r
complete -c meridian -n "__fish_meridian_using_subcommand sync" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand sync" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand leave" -l timeout -d 'End after this time at the latest' -r
complete -c meridian -n "__fish_meridian_using_subcommand leave" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand leave" -l restore -d 'Put back the values from before the policy'
complete -c meridian -n "__fish_meridian_using_subcommand leave" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand leave" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand version" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand version" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand doctor" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand doctor" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand diagnose" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand diagnose" -l stdout -d 'Write the archive to standard output instead'
complete -c meridian -n "__fish_meridian_using_subcommand diagnose" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand diagnose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l into -d 'The folder' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l name -d 'The bundle\'s name' -r
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l kind -d 'How it is packed' -r -f -a "pvmp\t''
zip\t''"
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l size -d 'Its size in bytes' -r
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l unpacked-size -d 'Its size in bytes when unpacked' -r
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand place-image" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand settle-image" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand settle-image" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and not __fish_seen_subcommand_from make" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand profile; and not __fish_seen_subcommand_from make" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and not __fish_seen_subcommand_from make" -f -a "make" -d 'Write a configuration profile (.mobileconfig) to upload to MDM'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l portal-url -d 'The portal\'s origin, such as https://portal.example.com' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l root-key -d 'The public half of the portal\'s root key, as the portal shows it' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l enrollment-token -d 'What lets a Mac enroll' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l ca -d 'Certificates of the portal\'s own authority, PEM or DER' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l check-in-interval -d 'How often to check in until the portal directs otherwise' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l log-level -d 'error, warn, info, debug or trace' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l deactivation-order -d 'Give the license back, once for each name' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l set -d 'A setting, such as updates.stay_on_major=true; may be repeated' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l license-key -d 'Activate Parallels Desktop with this license key' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l team -d 'The team by whose certificate the package is signed, such as ABCDE12345; for the two flags before' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l output -d 'Where to write it, a regular file; mode 0600' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l identifier -d 'The profile\'s identifier, such as com.example.meridian' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l organization -d 'Who gives the profile out' -r
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l form -d 'How the keys are packed; macOS makes the same of both' -r -f -a "custom-domain\t'A payload of the domain\'s own type'
managed-client\t'A payload of com.apple.ManagedClient.preferences'"
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l sso -d 'Activate Parallels Desktop by single sign-on'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l background-item -d 'Approve the agent\'s background item, so that no user can switch it off'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l full-disk-access -d 'Let the agent read virtual machines in folders that macOS protects; needs --team'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l force -d 'Replace the file if there is one; a device, pipe, folder or link is never replaced'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand profile; and __fish_seen_subcommand_from make" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand config; and not __fish_seen_subcommand_from validate" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand config; and not __fish_seen_subcommand_from validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand config; and not __fish_seen_subcommand_from validate" -f -a "validate" -d 'List the keys that count, and those that do not, with why and with what was probably meant'
complete -c meridian -n "__fish_meridian_using_subcommand config; and __fish_seen_subcommand_from validate" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand config; and __fish_seen_subcommand_from validate" -l json -d 'Print JSON ("schema": 1) instead of a screen'
complete -c meridian -n "__fish_meridian_using_subcommand config; and __fish_seen_subcommand_from validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meridian -n "__fish_meridian_using_subcommand daemon" -l root -d 'Use the Mac layout below this folder instead of the Mac\'s own' -r -F
complete -c meridian -n "__fish_meridian_using_subcommand daemon" -s h -l help -d 'Print help (see more with \'--help\')'
