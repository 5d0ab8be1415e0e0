//! What a node says of the types of its answers is itself an answer: types that contain themselves, or lists of things
//! that take no bytes, would be read without end, whatever the size of what comes.

use std::collections::HashMap;

use scale_info::form::PortableForm;
use scale_info::{Field, PortableRegistry, TypeDef};

/// Types nest no deeper.
const DEEPEST: usize = 32;
/// Values have no more parts.
const WIDEST: usize = 256;

/// Why values of a type are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// It is not described.
    #[error("type {0} is not described")]
    Missing(u32),
    /// It contains itself, or nests too deep.
    #[error("type {0} contains itself, or is too deep")]
    Endless(u32),
    /// It has too many parts.
    #[error("type {0} has {1} parts")]
    Wide(u32, usize),
    /// It has parts of which none takes a byte, so that there could be any number of them.
    #[error("type {0} has parts that take no bytes")]
    Weightless(u32),
}

/// Makes sure that a value of this type is read in steps of which its bytes bound the number.
pub(crate) fn check(types: &PortableRegistry, id: u32) -> Result<(), ShapeError> {
    Walk { types, weighs: HashMap::new() }.weighs(id, 0).map(drop)
}

struct Walk<'a> {
    types: &'a PortableRegistry,
    /// Of the types that were looked at, whether their values take bytes; `None` while it is looked at.
    weighs: HashMap<u32, Option<bool>>,
}

impl Walk<'_> {
    fn weighs(&mut self, id: u32, depth: usize) -> Result<bool, ShapeError> {
        match self.weighs.get(&id) {
            Some(Some(weighs)) => return Ok(*weighs),
            Some(None) => return Err(ShapeError::Endless(id)),
            None if depth > DEEPEST => return Err(ShapeError::Endless(id)),
            None => self.weighs.insert(id, None),
        };
        let described = self.types.resolve(id).ok_or(ShapeError::Missing(id))?;
        let inner = depth + 1;
        let weighs = match &described.type_def {
            TypeDef::Composite(composite) => self.parts(id, ids(&composite.fields), inner)?,
            TypeDef::Tuple(tuple) => self.parts(id, tuple.fields.iter().map(|ty| ty.id), inner)?,
            TypeDef::Array(array) => self.parts(id, [array.type_param.id].into_iter(), inner)?,
            TypeDef::Compact(compact) => self.weighs(compact.type_param.id, inner)?,
            TypeDef::Sequence(sequence) => {
                self.parts(id, [sequence.type_param.id].into_iter(), inner)?
            }
            TypeDef::Variant(variant) => {
                for variant in &variant.variants {
                    if !variant.fields.is_empty() {
                        self.parts(id, ids(&variant.fields), inner)?;
                    }
                }
                true
            }
            TypeDef::Primitive(_) | TypeDef::BitSequence(_) => true,
        };
        self.weighs.insert(id, Some(weighs));
        Ok(weighs)
    }

    /// Whether a value of these parts takes bytes; only one without any does not.
    fn parts(
        &mut self,
        id: u32,
        parts: impl ExactSizeIterator<Item = u32>,
        depth: usize,
    ) -> Result<bool, ShapeError> {
        let count = parts.len();
        if count > WIDEST {
            return Err(ShapeError::Wide(id, count));
        }
        let mut weighs = false;
        for part in parts {
            weighs |= self.weighs(part, depth)?;
        }
        if weighs || count == 0 { Ok(weighs) } else { Err(ShapeError::Weightless(id)) }
    }
}

fn ids(fields: &[Field<PortableForm>]) -> impl ExactSizeIterator<Item = u32> + '_ {
    fields.iter().map(|field| field.ty.id)
}

#[cfg(test)]
mod tests {
    use scale_info::{MetaType, Registry, TypeInfo};

    use super::*;

    fn checked<T: TypeInfo + 'static>() -> Result<(), ShapeError> {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        check(&registry.into(), id)
    }

    #[test]
    fn what_weighs_is_read_and_what_would_not_end_is_not() {
        assert_eq!(checked::<Option<Vec<(u16, [u8; 32], Option<String>)>>>(), Ok(()));
        assert_eq!(checked::<(u8, ())>(), Ok(()));
        for weightless in [checked::<Vec<()>>(), checked::<[(); 9]>(), checked::<(u8, ((),))>()] {
            assert!(matches!(weightless, Err(ShapeError::Weightless(_))), "{weightless:?}");
        }
    }

    #[test]
    fn what_contains_itself_is_not_read() {
        let mut registry = Registry::new();
        let outer = registry.register_type(&MetaType::new::<Option<(u8, (u16,))>>()).id;
        let inner = registry.register_type(&MetaType::new::<(u16,)>()).id;
        let mut types: PortableRegistry = registry.into();
        assert_eq!(check(&types, outer), Ok(()));
        let own = types.types[inner as usize].ty.clone();
        types.types[inner as usize].ty.type_def = TypeDef::Tuple(match own.type_def {
            TypeDef::Tuple(mut tuple) => {
                tuple.fields[0] = inner.into();
                tuple
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(check(&types, outer), Err(ShapeError::Endless(inner)));
        assert_eq!(check(&types, 10_000), Err(ShapeError::Missing(10_000)));
    }
}
