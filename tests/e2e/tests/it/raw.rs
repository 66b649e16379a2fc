//! Calls by name, with bytes as they are: what a client in any language can send.

use bytes::{Buf as _, BufMut as _};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ServiceDescriptor};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use crate::client::Client;

/// Takes and gives encoded messages.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// The contract.
pub(crate) fn contract() -> DescriptorPool {
    DescriptorPool::decode(reeve_api::DESCRIPTOR_SET).unwrap()
}

/// Every service of the contract that clients call. What services tell each other is nobody else's to call, and not served
/// where they are one process.
pub(crate) fn services() -> Vec<ServiceDescriptor> {
    contract().services().filter(|service| !service.full_name().starts_with("reeve.neighbour.")).collect()
}

/// Every method of [`services`]: `reeve.policy.v1.DecisionService/Check`.
pub(crate) fn methods() -> Vec<(String, MethodDescriptor)> {
    let methods = services().into_iter().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| (format!("{}/{}", method.parent_service().full_name(), method.name()), method)).collect()
}

/// The encoded request that a text in proto3 JSON says.
pub(crate) fn encoded(method: &MethodDescriptor, json: &str) -> Vec<u8> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(method.input(), &mut reader);
    message.unwrap_or_else(|error| panic!("{json}: {error}")).encode_to_vec()
}

/// Calls a method with an encoded request; of a stream, the first message is the answer.
pub(crate) async fn call(client: &Client, path: &str, streams: bool, request: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(client.channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(request);
    if !client.token.is_empty() {
        request.metadata_mut().insert("authorization", format!("Bearer {}", client.token).parse().unwrap());
    }
    let path = format!("/{path}").parse().unwrap();
    if streams {
        let mut stream = grpc.server_streaming(request, path, Bytes).await?.into_inner();
        stream.message().await.map(Option::unwrap_or_default)
    } else {
        grpc.unary(request, path, Bytes).await.map(tonic::Response::into_inner)
    }
}
