use crate::{Error, Store};

impl Store {
    /// The value of a setting.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, Error> {
        let _ = name;
        todo!()
    }

    /// Sets a setting.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), Error> {
        let _ = (name, value);
        todo!()
    }

    /// Sets a setting where there is none yet; gives what holds then. For what is made once, as at the first start.
    pub async fn set_setting_once(&self, name: &str, value: &str) -> Result<String, Error> {
        let _ = (name, value);
        todo!()
    }
}
