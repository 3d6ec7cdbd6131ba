// SPDX-License-Identifier: GPL-2.0-only

//! The words that these files know. A word that is not here may turn the meaning of its sentence: "loosely isolated", "rumour:",
//! "minus the doorbells". Nobody can list those words, so this is a list of the others.

use super::{kinds, read::is_id, token::Token};

/// Words that join, point, count or lead to something.
const JOIN: &str = "\
    the a an for this that these those it its itself they them their themselves we our us i you who whose what where each every \
    all any both either neither none no not nor nothing nobody never nowhere one two three four five six seven eight several \
    other others another same such own first last and or but of in on at to from by with within without between among amongst \
    through thru via over across into onto towards toward inside outside behind below beneath under above beside around apart \
    aside before after during since while when whenever if unless as than so because therefore thus hence then also too even \
    ever only just regardless irrespective whatever whichever which here there still again back up per eg ie etc namely \
    including rest however although out everything unlike contrast w o e g n name is are was were be has have had having do does \
    done can cannot may will cant dont doesnt isnt arent wont didnt wasnt werent once sans";

/// Words for functions, for devices and for what they have.
const DEVICE: &str = "\
    function functions multi multifunction device devices adapter adapters controller controllers nic nics hba hbas cna cnas \
    card cards accelerator accelerators endpoint endpoints rciep rcieps port ports root complex complexes switch switches bridge \
    bridges hub hubs bus buses link links slot slots package packages chip chips chipset chipsets die dies silicon asic asics \
    soc socs gpu gpus hardware product products model models family families series member members part parts vendor vendors id \
    ids vid did dids deviceid deviceids vendorid number numbers subsystem subsystems subvendor subvendors ssid svid ssvid sdid \
    revision revisions rev revs stepping steppings version versions class classes pci pcie express sriov sr iov vf vfs pf pfs \
    virtual physical network ethernet storage fibre channel iscsi usb sata nvme graphics audio converged integrated upstream \
    downstream register registers bar bars memory space spaces capability capabilities configuration configurations config \
    structure structures bit bits path paths way ways route routes routing datapath datapaths loopback loopbacks mailbox \
    mailboxes crossbar crossbars connection connections mechanism mechanisms means mode modes resource resources engine engines \
    group groups iommu acs sv tb rr cr uf ec dt driver drivers firmware kernel platform platforms board boards system systems \
    host hosts side direction directions logic architecture functionality quirk quirks service services cache core interface interfaces setting \
    settings state control controls ordering source target reset bug bugs defects erratum reserved relaxed";

/// Words for the bits of a condition.
const REGISTER: &str = "\
    off word words dword dwords byte bytes offset offsets value values mask field fields zero one ones read written writable \
    specific header status enable disable disabled power cycle bios reboot pin straps strap fuse fuses fused boot cleared";

/// Words for what functions send.
const REQUEST: &str = "\
    request requests requester requesters transaction transactions tlp tlps packet packets message messages transfer transfers \
    traffic data dma p2p peer peers completion completions write writes read reads posted nonposted non atomic access accesses \
    io translated untranslated translate translates validation translation blocking redirection redirect forwarding egress";

/// Words for what functions or requests do, or do not.
const DO: &str = "\
    isolated isolate isolates isolating isolation separate separated separately separates separation independent redirects \
    redirected redirecting block blocks blocked prevent prevents prevented reach reaches reaching reached send sends sent \
    sending forward forwards forwarded deliver delivers delivered address addresses addressed see sees pass passes passing past \
    talk talks communicate communicates communicating communication exchange exchanges interfere interferes affect affects \
    affected connect connected share shares shared bypass bypasses bypassing turn turns turned looped issue issues issued make \
    makes made generate generates generated initiate initiates initiated perform performs performed contact contacts targets \
    targeting receive receives received routed go goes going leave leaves leaving left come comes stay stays remain keep keeps \
    kept travel travels take takes accept accepts behave behaves act acts direct directs directed belong belongs depend depends \
    need needs require requires rely relies matter matters change changes changed differ differs apply applies hold holds \
    include includes included cover covers covered concern concerns concerned meant contain contains carry carries provide \
    provides provided offer offers support supports supported implement implements implemented allow allows allowed permit \
    permits permitted happen happens occur occurs exist exists lack lacks expose exposes present presents advertise advertises \
    enabled set sets clear clears cleared assign assigned use used uses using place put placed find found follow following follows match \
    matches matching except exception exceptions excepted excl exclude excluded excluding add adds attached absent withdraw \
    fails ensures";

/// Words for how they do it.
const HOW: &str = "\
    possible impossible able unable capable incapable true fully completely entirely totally strictly always likewise directly \
    internally physically absolutely explicitly full individual afterwards extended time level internal direct single actual \
    free new latest";

/// Words by which a vendor says it.
const SAY: &str = "\
    confirm confirms confirmed confirming state states stated statement say says said verify verified guarantee guaranteed \
    guarantees know known certify certified declare declares assure attest vouch vouched vouches measured measurement \
    measurements shown show shows design designed management safe safely well behalf hereby work works checked team our";

/// Whether the meaning of a token is known. A word with a digit is a number, or the name of a product, and `FFh` is a number too.
pub(super) fn is_known(token: &Token) -> bool {
    token.word().is_none_or(|word| {
        let mut lists = [JOIN, DEVICE, REQUEST, DO, HOW, SAY].into_iter();
        let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        word.bytes().any(|byte| byte.is_ascii_digit())
            || word.strip_suffix(['h', 'H']).is_some_and(is_hex)
            || lists.any(|list| token.is_of(list))
    })
}

/// Whether the token here is a word for the bits of a condition, which are described in more words: a number, or a part of the
/// name of a register, as in "the VPD address register".
pub(super) fn is_of_register(tokens: &[Token], at: usize) -> bool {
    let is_register = |token: &Token| token.is_of("register registers");
    let is_part = |token: &&Token| match token {
        Token::Word(_) => {
            !is_register(token)
                && !token.is_of(JOIN)
                && (!token.is_of(DO) || token.is_of("address"))
        }
        other => matches!(other, Token::Dash { .. }),
    };
    let mut behind = tokens[at + 1..].iter().take(6).skip_while(is_part);
    let is_name = behind.next().is_some_and(is_register);
    tokens[at].word().is_some_and(|word| {
        let is_number = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number || is_name || tokens[at].is_of(REGISTER) || word.starts_with(char::is_uppercase)
    })
}

/// Whether the token here is a name of the functions or devices behind it: "the Acme Whirl 10de:0a01", "Whirl-E adapters".
pub(super) fn is_name(tokens: &[Token], at: usize) -> bool {
    const DEVICES: &str = "device devices chip chips family series silicon";
    let is_part = |token: &Token| match token {
        Token::Word(word) => {
            word.len() == 1
                || word.starts_with(char::is_uppercase)
                || word.bytes().any(|byte| byte.is_ascii_digit())
        }
        other => matches!(other, Token::Dash { .. } | Token::Open | Token::Item),
    };
    let is_own = matches!(&tokens[at], Token::Word(word) if word.starts_with(char::is_uppercase));
    let mut behind = tokens[at..].iter().skip_while(|token| is_part(token));
    let next = behind.next();
    is_own && next.is_some_and(|next| is_id(next) || kinds::is_noun(next) || next.is_of(DEVICES))
}
