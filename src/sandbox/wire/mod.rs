//! The wire protocols: a request becomes a [`Call`], an [`Answer`] or a [`Refusal`] becomes a response.
//!
//! Five protocols (EC2, query, REST-XML, S3's, JSON 1.1) end in one tree of parameters. Nothing here knows what an
//! operation does.

mod body;
mod buckets;
mod decode;
mod error;
mod parameters;
mod xml;

pub use decode::{Decoded, Route, decode};
pub use error::Refusal;
pub use parameters::{Node, Parameters};
pub use xml::Xml;

use super::world::World;

/// The services that the sandbox imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon EC2, with VPC and EBS.
    Ec2,
    /// EC2 Auto Scaling.
    AutoScaling,
    /// Elastic Load Balancing version 2.
    ElasticLoadBalancing,
    /// Route 53.
    Route53,
    /// IAM.
    Iam,
    /// Systems Manager (the parameter store, Run Command).
    Ssm,
    /// S3.
    S3,
    /// The security token service.
    Sts,
}

/// How a service writes requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A form in, XML out, lists as `Name.1`.
    Ec2,
    /// A form in, XML out, lists as `Name.member.1`.
    Query,
    /// Method, path and an XML body.
    RestXml,
    /// Method, host, path and raw bodies; XML answers with roots of their own.
    S3,
    /// A JSON body, the operation in `X-Amz-Target`.
    Json11,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ec2,
        Self::AutoScaling,
        Self::ElasticLoadBalancing,
        Self::Route53,
        Self::Iam,
        Self::Ssm,
        Self::S3,
        Self::Sts,
    ];

    /// The name in the credential scope of a signature.
    #[must_use]
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::ElasticLoadBalancing => "elasticloadbalancing",
            Self::Route53 => "route53",
            Self::Iam => "iam",
            Self::Ssm => "ssm",
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }

    /// The prefix of its actions in IAM policies.
    #[must_use]
    pub const fn action_prefix(self) -> &'static str {
        self.signing_name()
    }

    /// Its protocol.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Ec2 => Protocol::Ec2,
            Self::AutoScaling | Self::ElasticLoadBalancing | Self::Iam | Self::Sts => Protocol::Query,
            Self::Route53 => Protocol::RestXml,
            Self::Ssm => Protocol::Json11,
            Self::S3 => Protocol::S3,
        }
    }

    /// The XML namespace of its answers (from the service models).
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::ElasticLoadBalancing => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Route53 => "https://route53.amazonaws.com/doc/2013-04-01/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Ssm => "",
            Self::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// A request as it came in, from the SDK's connector or from the loopback port.
#[derive(Clone, Debug, Default)]
pub struct WireRequest {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query string without `?`.
    pub query: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl WireRequest {
    /// The header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A response as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One operation with its parameters; reads like its [`Parameters`].
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The service.
    pub service: Service,
    /// The operation, `CreateVpc`.
    pub operation: &'a str,
    /// The parameters.
    pub parameters: Parameters<'a>,
}

impl<'a> std::ops::Deref for Call<'a> {
    type Target = Parameters<'a>;

    fn deref(&self) -> &Self::Target {
        &self.parameters
    }
}

/// What carries out an operation.
pub type Handler = fn(&mut World, &Call<'_>) -> Result<Answer, Refusal>;

/// A row of a service's table: operation and handler.
pub type Operation = (&'static str, Handler);

/// What a handler answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The content, without what the protocol puts around it.
    pub content: Content,
    /// HTTP status, 200 unless said otherwise.
    pub status: u16,
    /// More headers, such as `location`.
    pub headers: Vec<(String, String)>,
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// For the XML protocols.
    Xml(Xml),
    /// For S3: the name of the root element, and what is in it.
    Document(&'static str, Xml),
    /// For S3: an object.
    Bytes(Vec<u8>),
    /// For JSON.
    Json(serde_json::Value),
}

impl Answer {
    /// `<return>true</return>`: EC2's plain yes.
    #[must_use]
    pub fn yes() -> Self {
        Xml::new().text("return", true).into()
    }

    /// An answer without content.
    #[must_use]
    pub fn empty() -> Self {
        Xml::new().into()
    }

    /// An answer of bytes.
    #[must_use]
    pub const fn bytes(bytes: Vec<u8>) -> Self {
        Self { content: Content::Bytes(bytes), status: 200, headers: Vec::new() }
    }

    /// With another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With another header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// As the protocol of the service writes it.
    #[must_use]
    pub fn write(self, service: Service, operation: &str, request_id: &str) -> WireResponse {
        let namespace = format!("xmlns=\"{}\"", service.namespace());
        let root = format!("{operation}Response");
        let (content_type, body) = match (service.protocol(), self.content) {
            (_, Content::Bytes(bytes)) => ("application/octet-stream", bytes),
            (_, Content::Document(root, xml)) => ("application/xml", xml.document(root, &namespace).into_bytes()),
            (Protocol::Json11, Content::Json(value)) => ("application/x-amz-json-1.1", value.to_string().into_bytes()),
            (Protocol::Json11, Content::Xml(_)) => ("application/x-amz-json-1.1", b"{}".to_vec()),
            (protocol, content) => {
                let xml = match content {
                    Content::Xml(xml) => xml,
                    Content::Json(_) | Content::Document(..) | Content::Bytes(_) => Xml::new(),
                };
                let xml = match protocol {
                    Protocol::Ec2 => Xml::new().text("requestId", request_id).and(xml),
                    Protocol::Query => Xml::new()
                        .element(&format!("{operation}Result"), xml)
                        .element("ResponseMetadata", Xml::new().text("RequestId", request_id)),
                    Protocol::RestXml | Protocol::S3 | Protocol::Json11 => xml,
                };
                ("text/xml;charset=UTF-8", xml.document(&root, &namespace).into_bytes())
            }
        };
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("x-amzn-requestid".to_owned(), request_id.to_owned()),
        ];
        headers.extend(self.headers);
        WireResponse { status: self.status, headers, body }
    }
}

impl From<Xml> for Answer {
    fn from(xml: Xml) -> Self {
        Self { content: Content::Xml(xml), status: 200, headers: Vec::new() }
    }
}

impl From<serde_json::Value> for Answer {
    fn from(value: serde_json::Value) -> Self {
        Self { content: Content::Json(value), status: 200, headers: Vec::new() }
    }
}
