//! What others build on, as a listing that is checked in: `public_api.txt`. A change of it is a decision about versions.
//! Everything that is `pub` is listed, since the lints allow nothing to be `pub` that cannot be reached; and every
//! implementation of a trait.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{
    Attribute, Fields, FnArg, ImplItem, Item, ItemImpl, ReturnType, Signature, TraitItem,
    Visibility,
};

#[test]
fn the_public_surface_is_the_one_checked_in() {
    let mut lines = Vec::new();
    list_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut lines);
    lines.sort();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "." }, {
        insta::assert_snapshot!("public_api", lines.join("\n"));
    });
}

fn list_folder(folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list_folder(&path, lines);
        } else {
            // The blocking front has types of the same names.
            let is_blocking = path.ends_with("blocking.rs");
            let prefix = if is_blocking { "blocking::" } else { "" };
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            file.items.iter().for_each(|item| list_item(prefix, item, lines));
        }
    }
}

fn list_item(prefix: &str, item: &Item, lines: &mut Vec<String>) {
    let mut say = |line: String| lines.push(line);
    match item {
        Item::Struct(item) if is_public(&item.vis) => {
            let name = format!("{prefix}{}", item.ident);
            say(format!("{}struct {name}{}", derives(&item.attrs), text(&item.generics)));
            list_fields(&name, &item.fields, true, &mut say);
        }
        Item::Enum(item) if is_public(&item.vis) => {
            let name = format!("{prefix}{}", item.ident);
            say(format!("{}enum {name}", derives(&item.attrs)));
            for variant in &item.variants {
                let variant_name = format!("{name}::{}", variant.ident);
                say(format!("{name} variant {variant_name}"));
                list_fields(&variant_name, &variant.fields, false, &mut say);
            }
        }
        Item::Trait(item) if is_public(&item.vis) => {
            let name = format!("{prefix}{}", item.ident);
            say(format!("trait {name}: {}", text(&item.supertraits)));
            for item in &item.items {
                if let TraitItem::Fn(function) = item {
                    say(format!("{name}::{}", signature(&function.sig)));
                }
            }
        }
        Item::Impl(item) => list_impl(prefix, item, &mut say),
        Item::Type(item) if is_public(&item.vis) => {
            say(format!("type {prefix}{} = {}", item.ident, text(&item.ty)));
        }
        Item::Mod(item) if is_public(&item.vis) => say(format!("mod {}", item.ident)),
        Item::Use(item) if is_public(&item.vis) => say(format!("use {}", text(&item.tree))),
        Item::Fn(item) if is_public(&item.vis) => say(format!("{prefix}{}", signature(&item.sig))),
        Item::Const(item) if is_public(&item.vis) => say(format!("const {prefix}{}", item.ident)),
        _ => {}
    }
}

fn list_fields(name: &str, fields: &Fields, only_public: bool, say: &mut impl FnMut(String)) {
    for (at, field) in fields.iter().enumerate() {
        if !only_public || is_public(&field.vis) {
            let field_name = field.ident.as_ref().map_or(at.to_string(), ToString::to_string);
            say(format!("{name}.{field_name}: {}", text(&field.ty)));
        }
    }
}

fn list_impl(prefix: &str, item: &ItemImpl, say: &mut impl FnMut(String)) {
    let on = format!("{prefix}{}", text(&item.self_ty));
    if let Some((interface, _)) = &item.trait_ {
        return say(format!("impl {} for {on}", text(interface)));
    }
    for inner in &item.items {
        if let ImplItem::Fn(function) = inner
            && is_public(&function.vis)
        {
            say(format!("{on}::{}", signature(&function.sig)));
        }
    }
}

fn signature(signature: &Signature) -> String {
    let arguments: Vec<_> = signature
        .inputs
        .iter()
        .map(|argument| match argument {
            FnArg::Receiver(receiver) => text(receiver),
            FnArg::Typed(argument) => text(&argument.ty),
        })
        .collect();
    let output = match &signature.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, output) => format!(" -> {}", text(output)),
    };
    let asyncness = if signature.asyncness.is_some() { "async " } else { "" };
    format!("{asyncness}{}({}){output}", signature.ident, arguments.join(", "))
}

fn derives(attributes: &[Attribute]) -> String {
    let mut text_of = String::new();
    for attribute in attributes {
        let path = attribute.path();
        if path.is_ident("derive") || path.is_ident("non_exhaustive") {
            text_of.push_str(&format!("{} ", text(&attribute.meta)));
        }
    }
    text_of
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Code without the blanks that a token stream is printed with.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (printed, written) in [
        (" :: ", "::"),
        (" < ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(printed, written);
    }
    text
}
