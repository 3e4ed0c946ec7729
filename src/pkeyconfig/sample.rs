//! sample - a small key configuration of our own making, for the demonstration and for tests.

use base64::Engine as _;
use std::fmt::Write as _;

/// One entry of a sample.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Key group.
    pub group: u32,
    /// `EditionID`s, separated by `;`.
    pub editions: &'a str,
    /// Channel, such as `Volume:GVLK`.
    pub key_type: &'a str,
    /// Activation id, without braces.
    pub activation_id: &'a str,
    /// Licence terms, such as `Volume`.
    pub eula_type: &'a str,
    /// Part number, first and last serial of each range.
    pub ranges: &'a [(&'a str, u32, u32)],
}

/// The text of a `ProductKeyConfiguration` with these entries. `with_n`: for Windows 8 and later.
pub fn inner(rows: &[Row<'_>], with_n: bool) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ProductKeyConfiguration \
         xmlns=\"http://www.microsoft.com/DRM/PKEY/Configuration/2.0\">\n<Configurations>\n",
    );
    let mut ranges = String::new();
    let mut groups = String::new();
    let algorithm = if with_n { 2009 } else { 2005 };
    // Writing to a String cannot fail.
    for row in rows {
        let Row {
            group,
            editions,
            key_type,
            activation_id,
            eula_type,
            ..
        } = row;
        let _ = writeln!(
            text,
            "<Configuration><ActConfigId>{{{activation_id}}}</ActConfigId><RefGroupId>{group}</RefGroupId>\
             <EditionId>{editions}</EditionId><ProductDescription>Sample {editions} {key_type}</ProductDescription>\
             <ProductKeyType>{key_type}</ProductKeyType><IsRandomized>false</IsRandomized></Configuration>"
        );
        for (part_number, start, end) in row.ranges {
            let _ = writeln!(
                ranges,
                "<KeyRange><RefActConfigId>{{{activation_id}}}</RefActConfigId><PartNumber>{part_number}</PartNumber>\
                 <EulaType>{eula_type}</EulaType><IsValid>true</IsValid><Start>{start}</Start><End>{end}</End>\
                 </KeyRange>"
            );
        }
        let _ = writeln!(
            groups,
            "<PublicKey><GroupId>{group}</GroupId><AlgorithmId>msft:rm/algorithm/pkey/{algorithm}</AlgorithmId>\
             <PublicKeyValue></PublicKeyValue></PublicKey>"
        );
    }
    let _ = writeln!(
        text,
        "</Configurations>\n<KeyRanges>\n{ranges}</KeyRanges>\n<PublicKeys>\n{groups}</PublicKeys>\n\
         </ProductKeyConfiguration>"
    );
    text
}

/// A `pkeyconfig.xrm-ms` around `payload`, unsigned.
pub fn wrap(payload: &[u8]) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(payload);
    format!(
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><rg:licenseGroup \
         xmlns:rg=\"urn:mpeg:mpeg21:2003:01-REL-R-NS\"><r:license xmlns:r=\"urn:mpeg:mpeg21:2003:01-REL-R-NS\" \
         xmlns:tm=\"http://www.microsoft.com/DRM/XrML2/TM/v2\"><r:title>Sample key configuration</r:title>\
         <r:otherInfo><tm:infoTables><tm:infoList><tm:infoBin name=\"pkeyConfigData\">{encoded}</tm:infoBin>\
         </tm:infoList></tm:infoTables></r:otherInfo></r:license></rg:licenseGroup>"
    )
}

/// A whole `pkeyconfig.xrm-ms` with these entries.
pub fn file(rows: &[Row<'_>], with_n: bool) -> String {
    wrap(inner(rows, with_n).as_bytes())
}

/// A licence file of an installed SKU with this activation id, unsigned.
pub fn licence(activation_id: &str) -> String {
    format!(
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><rg:licenseGroup \
         xmlns:rg=\"urn:mpeg:mpeg21:2003:01-REL-R-NS\"><r:license xmlns:r=\"urn:mpeg:mpeg21:2003:01-REL-R-NS\" \
         xmlns:tm=\"http://www.microsoft.com/DRM/XrML2/TM/v2\"><r:title>Sample SKU licence</r:title><r:otherInfo>\
         <tm:infoTables><tm:infoList><tm:infoStr name=\"productSkuId\">{{{activation_id}}}</tm:infoStr></tm:infoList>\
         </tm:infoTables></r:otherInfo></r:license></rg:licenseGroup>"
    )
}
