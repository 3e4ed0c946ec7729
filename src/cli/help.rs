//! What `--help` and the manual pages say behind the options: examples first of all.
//!
//! Promise: every command shows how it is called, in lines that fit a terminal of 80 columns and can be pasted.

pub(super) const FIRST_STEPS: &str = "\
Examples:
  wimkey demo
  wimkey image show install.wim
  wimkey image set install.wim --gvlk --kms-host kms.example.com --dry-run
  wimkey apply plan.toml
  wimkey explain 0xC004F074

Exit codes: 0 done, or already as wanted; 1 error; 2 usage; 3 refused for safety; 10 findings; 130 interrupted.";

pub(super) const SET_EXAMPLES: &str = "\
Examples:
  wimkey image set install.wim --gvlk --skip-rearm on --kms-host kms.example.com
  wimkey image set install.wim:2 --key-file mak.txt --unattend Autounattend.xml
  wimkey image set install.wim:'Windows 11 Pro' --set VLActivationInterval=240
  wimkey image set install.wim --gvlk --output prepared.wim
  vault read -field=key secret/mak |
    wimkey image set install.wim:1 --key-file - --unattend Autounattend.xml

FILE of --unattend is read only: each image gets its own copy, with its own key, at Windows/Panther/unattend.xml.";

pub(super) const AUDIT_HELP: &str = "\
Every byte is searched, decompressed: files, deleted parts of hives, logs, contents that no image refers to, dead bytes of the WIM. \
Published keys are notes. A key that is found anywhere is then looked for everywhere: as text with and without dashes, in ASCII and \
UTF-16, as the bytes that Windows stores, their hash, base64 and hexadecimal digits.

Exit code 10 if a finding has the level of --fail-on or more.

Examples:
  wimkey image audit install.wim
  wimkey image audit install.wim --fail-on warning --format sarif > audit.sarif
  wimkey image audit install.wim --key-file mak.txt";

pub(super) const SCRUB_HELP: &str = "\
What image audit finds is removed: registry values are cleared as slmgr /cpky leaves them, answer files blanked as Setup does, hives \
scrubbed, their logs emptied, dead bytes of the WIM wiped. Scripts, programs and what is inside solid resources are only reported. \
Then the result is searched again: every stream, decompressed, and every dead byte.

Exit code 10 if a key or password is left.

Examples:
  wimkey image scrub install.wim --dry-run
  wimkey image scrub install.wim --output clean.wim
  wimkey image scrub /mnt/image --key-file mak.txt";

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  wimkey image list install.wim
  wimkey image list install.wim --format json";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  wimkey image show install.wim
  wimkey image show install.wim:'Windows 11 Pro' --format json
  wimkey image show install.wim:3 --reg > activation.reg";

pub(super) const CHECK_HELP: &str = "\
Without a key source, keys are read from standard input, one a line. Exit code 10 if any key is not usable.

Examples:
  wimkey key check < keys.txt
  wimkey key check --key-file mak.txt --image install.wim:2
  wimkey key check --key-env MAK --pkeyconfig pkeyconfig.xrm-ms";

pub(super) const LOOKUP_EXAMPLES: &str = "\
Examples:
  wimkey key lookup Windows 11 Pro
  wimkey key lookup ServerDatacenter
  wimkey key lookup T83GX";

pub(super) const KEY_LIST_EXAMPLES: &str = "\
Examples:
  wimkey key list
  wimkey key list --family 'Windows Server 2022'
  wimkey key list --platform office --format json";

pub(super) const DISCOVER_EXAMPLES: &str = "\
Examples:
  wimkey kms discover install.wim:2
  wimkey kms discover /mnt/image --zone example.com.zone";

pub(super) const DEMO_EXAMPLES: &str = "\
Examples:
  wimkey demo
  wimkey demo sample";

pub(super) const SCHEMA_EXAMPLES: &str = "\
Examples:
  wimkey schema plan > plan.schema.json
  wimkey schema report";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  wimkey man ~/.local/share/man/man1
  wimkey man pages && man -l pages/wimkey-apply.1";

pub(super) const HIVE_CHECK_EXAMPLES: &str = "\
Examples:
  wimkey hive check SOFTWARE";

pub(super) const HIVE_SHOW_EXAMPLES: &str = "\
Examples:
  wimkey hive show SOFTWARE";

pub(super) const HIVE_GET_EXAMPLES: &str = r"Examples:
  wimkey hive get SOFTWARE 'Microsoft\Windows NT\CurrentVersion' EditionID
  wimkey hive get SYSTEM Select --format json";

pub(super) const HIVE_DELETE_EXAMPLES: &str = r"Examples:
  wimkey hive delete SOFTWARE 'Contoso\Build' Stamp
  wimkey hive delete SOFTWARE Contoso --dry-run";

pub(super) const HIVE_EXPORT_HELP: &str = r"Without --output the file goes to standard output, which must not be a terminal: it is UTF-16, and keys in it are whole.

Examples:
  wimkey hive export SOFTWARE 'Microsoft\Windows NT' --output nt.reg
  wimkey hive export NTUSER.DAT --prefix HKEY_CURRENT_USER > user.reg";

pub(super) const HIVE_IMPORT_EXAMPLES: &str = "\
Examples:
  wimkey hive import SOFTWARE settings.reg --dry-run
  wimkey hive import NTUSER.DAT user.reg --prefix HKEY_CURRENT_USER";

pub(super) const HIVE_SCRUB_EXAMPLES: &str = "\
Examples:
  wimkey hive scrub SOFTWARE";

pub(super) const HIVE_COMPACT_EXAMPLES: &str = "\
Examples:
  wimkey hive compact SOFTWARE --output SOFTWARE.small";

pub(super) const HIVE_RECOVER_EXAMPLES: &str = "\
Examples:
  wimkey hive recover SOFTWARE --dry-run
  wimkey hive recover SOFTWARE --output SOFTWARE.clean";

pub(super) const UNATTEND_SHOW_EXAMPLES: &str = "\
Examples:
  wimkey unattend show Autounattend.xml";

pub(super) const CLEAR_EXAMPLES: &str = "\
Examples:
  wimkey unattend clear Autounattend.xml
  wimkey unattend clear Autounattend.xml --secrets --output shared.xml";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  wimkey explain 0xC004F074
  wimkey explain /skms
  wimkey explain 12288 \"0xC004F074,0x0,kms.example.com:1688,…\"
  wimkey explain host caching";

pub(super) const SET_DATA: &str = "\
DATA by TYPE: REG_SZ, REG_EXPAND_SZ, REG_LINK text; REG_MULTI_SZ texts with ; between; REG_DWORD, REG_DWORD_BIG_ENDIAN, \
REG_QWORD a number, decimal or 0x…; any other type bytes in hexadecimal digits, as in 01ff00.

Examples:
  wimkey hive set SOFTWARE 'Contoso\\Build' Stamp REG_SZ nightly
  wimkey hive set SOFTWARE Contoso Count REG_DWORD 7 --output SOFTWARE.new";

pub(super) const APPLY_HELP: &str = "\
All targets are looked at before the first is written. If one cannot be done, nothing is written, unless --keep-going is given. \
A plan names where a key comes from and never holds one.

Examples:
  wimkey apply plan.toml --dry-run
  wimkey apply plan.toml --keep-going --report report.html
  wimkey apply plan.toml /srv/images/install.wim

A plan:
  targets = [\"images/*.wim\"]
  skip-rearm = true
  kms-host = \"kms.example.com:1688\"
  key = { gvlk = true }   # or { env = \"MAK\" }, { file = \"mak.txt\" }, { fd = 3 }
  [unattend]
  file = \"Autounattend.xml\"
  [audit]
  fail-on = \"error\"

Shares of the targets for a matrix of jobs:
  GitHub Actions   wimkey apply plan.toml --shard ${{ matrix.shard }}/4
  GitLab           wimkey apply plan.toml --shard $CI_NODE_INDEX/$CI_NODE_TOTAL
  Kubernetes       wimkey apply plan.toml --shard $((JOB_COMPLETION_INDEX + 1))/4

Exit code 1 if a target failed, 3 if one was refused, 10 if the audit found something or a scrub left something.";

pub(super) const COMPLETIONS: &str = "\
Where the script goes:
  bash        wimkey completions bash > ~/.local/share/bash-completion/completions/wimkey
  zsh         wimkey completions zsh > a folder of $fpath, as _wimkey
  fish        wimkey completions fish > ~/.config/fish/completions/wimkey.fish
  powershell  wimkey completions powershell >> $PROFILE";

pub(super) const LINT_HELP: &str = "\
ei.cfg and PID.txt beside a file, or in sources below it, are looked at too. A comment allows a finding, with the reason behind it:
  <Value>vagrant</Value> <!-- wimkey: allow WK-U018 test machines only -->
Behind something on its line it is for that line, otherwise for the element that follows; before <unattend>, for the whole file.

Exit code 10 if a finding has the level of --fail-on or more.

Examples:
  wimkey unattend lint Autounattend.xml
  wimkey unattend lint Autounattend.xml --image install.wim:2
  wimkey unattend lint answers/ --fail-on warning --format github";

pub(super) const UNATTEND_SET_HELP: &str = "\
Names for --set and --unset: WillShowUI, SkipRearm, SkipAutoActivation, and of Vista's components SkipRearmOfVista, \
SkipAutoActivationOfVista; of the WDS client's file WdsImageName, WdsImageGroup, WdsFilename, WdsWillShowUI, \
WdsLoginWillShowUI, WdsUsername, WdsDomain.

Examples:
  wimkey unattend set Autounattend.xml --gvlk Professional
  wimkey unattend set Autounattend.xml --key-file mak.txt --architecture arm64
  wimkey unattend set Autounattend.xml --gvlk Professional --key-in windowsPE
  wimkey unattend set WDSClientUnattend.xml --set 'WdsImageName=Windows 10 Pro'";
