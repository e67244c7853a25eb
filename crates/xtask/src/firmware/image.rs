//! How large an image is: by section, and by crate.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use object::elf::SHF_ALLOC;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags, SectionKind, SymbolKind};

/// What an image may have of the controller's flash.
const FLASH_BOUND: u64 = 48 * 1024;
/// What it may have of its RAM, stack and all.
const RAM_BOUND: u64 = 12 * 1024;
const RAM_ORIGIN: u64 = 0x2000_0000;

/// The crate of symbols that belong to none.
const NOT_MANGLED: &str = "start, handlers, compiler's helpers";

/// One section that is in the controller's memory.
struct Section {
    name: String,
    octets: u64,
    in_flash: bool,
    in_ram: bool,
}

/// What an image needs.
pub(super) struct Image {
    sections: Vec<Section>,
    stack_from: u64,
    stack: u64,
    kept: u64,
    /// Octets by crate: code, constants.
    crates: BTreeMap<String, (u64, u64)>,
    /// Code that belongs to no symbol, such as padding and literals between functions.
    unnamed: (u64, u64),
}

impl Image {
    /// Reads an image.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let data = std::fs::read(path).with_context(|| path.display().to_string())?;
        let file = object::File::parse(data.as_slice())?;
        let address = |name: &str| -> anyhow::Result<u64> {
            let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name));
            Ok(symbol.with_context(|| format!("the image has no {name}"))?.address())
        };
        let (stack_from, stack_to, kept) = (address("_stack_end")?, address("_stack_start")?, address("_kept")?);
        let mut sections = Vec::new();
        let mut octets = BTreeMap::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            if !sh_flags.contains(SHF_ALLOC) || section.size() == 0 {
                continue;
            }
            let in_ram = section.address() >= RAM_ORIGIN;
            // What has a value at the start is in the flash, and .data is in the RAM as well.
            let in_flash = section.kind() != SectionKind::UninitializedData;
            octets.insert(section.index().0, (section.kind() == SectionKind::Text, section.size()));
            sections.push(Section { name: section.name()?.to_owned(), octets: section.size(), in_flash, in_ram });
        }
        let mut crates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut unnamed: (u64, u64) = (0, 0);
        for (is_code, size) in octets.values() {
            *(if *is_code { &mut unnamed.0 } else { &mut unnamed.1 }) += size;
        }
        let mut seen = std::collections::BTreeSet::new();
        for symbol in file.symbols() {
            let Some((is_code, _)) = symbol.section_index().and_then(|index| octets.get(&index.0)) else { continue };
            let sized = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data) && symbol.size() > 0;
            // Functions that are the same share an address.
            if !sized || !seen.insert(symbol.address() & !1) {
                continue;
            }
            let by_crate = crates.entry(crate_of(symbol.name()?)).or_default();
            let (named, rest) =
                if *is_code { (&mut by_crate.0, &mut unnamed.0) } else { (&mut by_crate.1, &mut unnamed.1) };
            *named += symbol.size();
            *rest = rest.saturating_sub(symbol.size());
        }
        let stack = stack_to.checked_sub(stack_from).context("the stack is upside down")?;
        let kept = (RAM_ORIGIN + RAM_BOUND).checked_sub(kept).context("what is kept is outside of the RAM")?;
        Ok(Self { sections, stack_from, stack, kept, crates, unnamed })
    }

    fn flash(&self) -> u64 {
        self.sections.iter().filter(|section| section.in_flash).map(|section| section.octets).sum()
    }

    fn ram(&self) -> u64 {
        let sections: u64 = self.sections.iter().filter(|section| section.in_ram).map(|section| section.octets).sum();
        sections + self.stack + self.kept
    }

    /// Where the stack is and how many octets it has.
    pub(super) fn stack(&self) -> (u32, u32) {
        (self.stack_from as u32, self.stack as u32)
    }

    /// Prints what is used, by section.
    pub(super) fn print_use(&self) {
        println!("{:<24} {:>8} {:>8}", "section", "flash", "RAM");
        for section in &self.sections {
            let flash = if section.in_flash { section.octets } else { 0 };
            let ram = if section.in_ram { section.octets } else { 0 };
            println!("{:<24} {flash:>8} {ram:>8}", section.name);
        }
        println!("{:<24} {:>8} {:>8}", "stack, reserved", 0, self.stack);
        println!("{:<24} {:>8} {:>8}", "kept over a reset", 0, self.kept);
        println!("{:<24} {:>8} {:>8}", "together", self.flash(), self.ram());
        println!("{:<24} {FLASH_BOUND:>8} {RAM_BOUND:>8}", "at most");
    }

    /// Fails if the image is beyond a bound.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.flash() <= FLASH_BOUND, "{} octets of flash; at most {FLASH_BOUND}", self.flash());
        ensure!(self.ram() <= RAM_BOUND, "{} octets of RAM; at most {RAM_BOUND}", self.ram());
        Ok(())
    }

    /// Prints code and constants by crate as a table for the documentation, the largest first.
    pub(super) fn print_crates(&self) {
        let mut rows: Vec<(&str, u64, u64)> =
            self.crates.iter().map(|(name, (code, data))| (name.as_str(), *code, *data)).collect();
        rows.sort_by_key(|(name, code, data)| (std::cmp::Reverse(code + data), *name));
        rows.push(("constants and padding without a symbol", self.unnamed.0, self.unnamed.1));
        println!("\n| crate | code, octets | data, octets |\n|---|---|---|");
        for (name, code, data) in rows {
            println!("| {name} | {code} | {data} |");
        }
    }
}

/// What any program for the controller needs of its flash.
pub(super) fn flash_octets(path: &Path) -> anyhow::Result<u64> {
    let data = std::fs::read(path).with_context(|| path.display().to_string())?;
    let file = object::File::parse(data.as_slice())?;
    let in_flash = file.sections().filter(|section| {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return false };
        sh_flags.contains(SHF_ALLOC) && section.kind() != SectionKind::UninitializedData
    });
    Ok(in_flash.map(|section| section.size()).sum())
}

/// The crate that a symbol is from. What is instantiated from a generic of one crate with types of another counts for the
/// first, and what was inlined counts where it was inlined to.
fn crate_of(symbol: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    if !name.contains("::") {
        return NOT_MANGLED.to_owned();
    }
    // `<A as B>::f`: of A's crate, or if A is a built-in type, of B's.
    let mut parts = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let path = parts.find(|part| part.contains("::") && !part.starts_with("::"));
    path.and_then(|path| path.split("::").next()).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mangled(parts: &[&str]) -> String {
        let parts = parts.iter().map(|part| format!("{}{part}", part.len())).collect::<Vec<_>>().concat();
        format!("_ZN{parts}17h0123456789abcdefE")
    }

    #[test]
    fn a_symbol_is_of_its_crate() {
        for (parts, name) in [
            (["pole_link", "edge", "receive"].as_slice(), "pole_link"),
            (&["_$LT$pole_link..frame..Frame$u20$as$u20$core..fmt..Debug$GT$", "fmt"], "pole_link"),
            (&["_$LT$u8$u20$as$u20$serde_core..de..Deserialize$GT$", "deserialize"], "serde_core"),
            (&["_$LT$$RF$T$u20$as$u20$core..fmt..Display$GT$", "fmt"], "core"),
        ] {
            assert_eq!(crate_of(&mangled(parts)), name, "{parts:?}");
        }
        assert_eq!(crate_of("Reset"), NOT_MANGLED);
    }
}
