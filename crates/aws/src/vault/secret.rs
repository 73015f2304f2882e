//! One secret for each instance in Secrets Manager.

use crate::fault::{code, fault};
use app::ports::{PortError, Result};
use aws_sdk_secretsmanager::Client;
use domain::ids::InstanceId;

pub(super) struct InstanceSecrets {
    client: Client,
    prefix: String,
}

impl InstanceSecrets {
    pub(super) fn new(client: Client, prefix: String) -> Self {
        InstanceSecrets { client, prefix }
    }

    /// Stores a text; returns its version id. `token` makes a repeated request one.
    pub(super) async fn put(
        &self,
        id: InstanceId,
        text: &str,
        token: &str,
        is_there: bool,
    ) -> Result<String> {
        let place = match is_there {
            true => self.change(id, text, token).await?,
            false => self.make(id, text, token).await?,
        };
        place.ok_or_else(|| PortError::new("store secrets", "an answer without a version id"))
    }

    async fn change(&self, id: InstanceId, text: &str, token: &str) -> Result<Option<String>> {
        let request = self.client.put_secret_value().secret_id(self.name(id));
        let sent = request.secret_string(text).client_request_token(token).send().await;
        Ok(sent.map_err(fault("store secrets"))?.version_id)
    }

    async fn make(&self, id: InstanceId, text: &str, token: &str) -> Result<Option<String>> {
        let request = self.client.create_secret().name(self.name(id));
        let sent = request.secret_string(text).client_request_token(token).send().await;
        match sent {
            Ok(made) => Ok(made.version_id),
            // An earlier write made it and got no further.
            Err(error) if code(&error) == "ResourceExistsException" => self.change(id, text, token).await,
            Err(error) => Err(fault("store secrets")(error)),
        }
    }

    /// The text under this version id; `None` if it is not there.
    pub(super) async fn get(&self, id: InstanceId, place: &str) -> Result<Option<String>> {
        let sent = self.client.get_secret_value().secret_id(self.name(id)).version_id(place).send().await;
        match sent {
            Ok(found) => Ok(found.secret_string),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(fault("read secrets")(error)),
        }
    }

    /// Deletes the secret at once: without the days in which it could be restored, and its name used by nothing
    /// else.
    pub(super) async fn delete(&self, id: InstanceId) -> Result<()> {
        let request = self.client.delete_secret().secret_id(self.name(id));
        match request.force_delete_without_recovery(true).send().await {
            Err(error) if code(&error) != "ResourceNotFoundException" => Err(fault("remove secrets")(error)),
            _ => Ok(()),
        }
    }

    fn name(&self, id: InstanceId) -> String {
        format!("{}{id}", self.prefix)
    }
}
