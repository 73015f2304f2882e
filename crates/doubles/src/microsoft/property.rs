//! The properties that lists can be filtered and ordered by.

use super::item::Message;
use super::kind::Type;
use super::row::Row;
use super::scalar::{PropertyKind, Scalar};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Created,
    LastModified,
    Received,
    Sent,
    Subject,
    IsRead,
    IsDraft,
    HasAttachments,
    Importance,
    ConversationId,
    InternetMessageId,
    FromAddress,
    FromName,
    FlagStatus,
    InferenceClassification,
    /// Of anything but a message.
    Field(&'static str, PropertyKind),
}

impl Property {
    /// Reads the path of a property; `None` when lists cannot be filtered by it.
    pub(super) fn parse(kind: Type, path: &str) -> Option<Self> {
        if kind != Type::Message {
            return kind.filterable(path).map(|(path, kind)| Self::Field(path, kind));
        }
        Some(match path {
            "createdDateTime" => Self::Created,
            "lastModifiedDateTime" => Self::LastModified,
            "receivedDateTime" => Self::Received,
            "sentDateTime" => Self::Sent,
            "subject" => Self::Subject,
            "isRead" => Self::IsRead,
            "isDraft" => Self::IsDraft,
            "hasAttachments" => Self::HasAttachments,
            "importance" => Self::Importance,
            "conversationId" => Self::ConversationId,
            "internetMessageId" => Self::InternetMessageId,
            "from/emailAddress/address" | "sender/emailAddress/address" => Self::FromAddress,
            "from/emailAddress/name" | "sender/emailAddress/name" => Self::FromName,
            "flag/flagStatus" => Self::FlagStatus,
            "inferenceClassification" => Self::InferenceClassification,
            _ => return None,
        })
    }

    pub(super) fn kind(self) -> PropertyKind {
        match self {
            Self::Created | Self::LastModified | Self::Received | Self::Sent => PropertyKind::Time,
            Self::IsRead | Self::IsDraft | Self::HasAttachments => PropertyKind::Flag,
            Self::Field(_, kind) => kind,
            _ => PropertyKind::Text,
        }
    }

    pub(super) fn of(self, row: &Row<'_>) -> Scalar {
        match (self, row) {
            (Self::Field(path, kind), Row::Record(record)) => record.scalar(path, kind),
            (property, Row::Message(message)) => property.of_message(message),
            _ => Scalar::Null,
        }
    }

    fn of_message(self, message: &Message) -> Scalar {
        let address = |pick: fn(crate::mail::Address) -> String| {
            message.from().map_or(Scalar::Null, |address| Scalar::text(&pick(address)))
        };
        match self {
            Self::Created => Scalar::Time(message.created_us),
            Self::LastModified => Scalar::Time(message.modified_us),
            Self::Received => Scalar::Time(message.received_us),
            Self::Sent => Scalar::Time(message.sent_us),
            Self::Subject => Scalar::text(&message.mail.subject),
            Self::IsRead => Scalar::Flag(message.is_read),
            Self::IsDraft => Scalar::Flag(message.is_draft),
            Self::HasAttachments => Scalar::Flag(message.has_attachments()),
            Self::Importance => Scalar::text("normal"),
            Self::ConversationId => Scalar::text(&message.conversation_id),
            Self::InternetMessageId => Scalar::text(&message.internet_message_id()),
            Self::FromAddress => address(|address| address.address),
            Self::FromName => address(|address| address.name),
            Self::FlagStatus => Scalar::text(message.flag_status()),
            Self::InferenceClassification => Scalar::text("focused"),
            Self::Field(..) => Scalar::Null,
        }
    }
}
