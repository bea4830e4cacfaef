//! What a fact takes in memory, about: counted over whatever it is made of, so that no fact is forgotten.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::fmt::{Display, Error};

/// What every number, choice with something in it, and list takes, whatever that is. A list is allocated by itself, and
/// a choice is as large as the largest one.
const WORD: usize = 8;
const CHOICE: usize = 32;
const LIST: usize = 48;

/// The estimate, in bytes. It is the same for the same fact everywhere.
pub(super) fn weight(fact: &impl Serialize) -> usize {
    let mut weight = Weight(LIST);
    let _ = fact.serialize(&mut weight);
    weight.0
}

struct Weight(usize);

type Done = Result<(), Error>;

impl Weight {
    fn add(&mut self, bytes: usize) -> Done {
        self.0 = self.0.saturating_add(bytes);
        Ok(())
    }

    fn open(&mut self) -> Result<&mut Self, Error> {
        self.add(LIST)?;
        Ok(self)
    }
}

macro_rules! words {
    ($($name:ident: $of:ty),* $(,)?) => {
        $(fn $name(self, _: $of) -> Done { self.add(WORD) })*
    };
}

impl Serializer for &mut Weight {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_unit_struct: &'static str,
    }

    fn serialize_u8(self, _: u8) -> Done {
        self.add(1)
    }

    fn serialize_str(self, text: &str) -> Done {
        self.add(LIST + text.len())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        self.add(LIST + bytes.len())
    }

    fn serialize_none(self) -> Done {
        self.add(WORD)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Done {
        self.add(WORD)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.add(CHOICE)?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        self.open()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.open()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.open()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.open()
    }

    fn collect_str<T: Display + ?Sized>(self, text: &T) -> Done {
        self.serialize_str(&text.to_string())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($kind:ident: $name:ident($($key:ident: $of:ty)?)),* $(,)?) => {
        $(impl $kind for &mut Weight {
            type Ok = ();
            type Error = Error;

            fn $name<T: Serialize + ?Sized>(&mut self, $($key: $of,)? value: &T) -> Done {
                $(let _ = $key;)?
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(name: &'static str),
    SerializeStructVariant: serialize_field(name: &'static str),
}

impl SerializeMap for &mut Weight {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_a_fact_holds_is_counted() {
        let check = |fact: &dyn Fn() -> usize, expect| assert_eq!(fact(), LIST + expect);
        check(&|| weight(&7_u8), 1);
        check(&|| weight(&7_u64), WORD);
        check(&|| weight(&None::<u8>), WORD);
        check(&|| weight(&Some("abc")), LIST + 3);
        check(&|| weight(&vec![0_u8; 1000]), LIST + 1000);
        check(&|| weight(&vec![(1_u32, "ab"), (2, "c")]), LIST + 2 * WORD + 2 * LIST + 3);
        check(&|| weight(&BTreeMap::from([(1_u32, 2_u32)])), LIST + 2 * WORD);
        check(&|| weight(&crate::decode::StepKind::Hex), WORD);
        check(&|| weight(&Ok::<u8, u8>(1)), CHOICE + 1);
    }
}
