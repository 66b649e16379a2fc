//! Builds the tree from a reader's events, and holds every bound while it grows.

use std::collections::{HashMap, HashSet};

use crate::document::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
use crate::input_error::{InputError, InputErrors};
use crate::node::{Entry, Node, NodeKind, Position};
use crate::path::{Path, shown};
use crate::value::Value;

/// The most reasons that one refusal lists.
pub(crate) const MAX_ERRORS: usize = 100;

/// The tree so far. Methods that fail end the reading; what is merely wrong is noted and read past.
#[derive(Default)]
pub(crate) struct Builder {
    open: Vec<Frame>,
    root: Option<Node>,
    nodes: usize,
    bytes: usize,
    anchors: HashMap<usize, Anchor>,
    errors: Vec<InputError>,
}

/// A list or map that is not closed yet.
struct Frame {
    at: Position,
    anchor: usize,
    nodes_before: usize,
    bytes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, names: HashSet<String>, key: Option<(String, Position)> },
}

/// What an alias stands for, with what it costs to repeat it.
struct Anchor {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

/// Where the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    Root,
    Item,
    Key,
    FieldValue,
    Nothing,
}

impl Builder {
    pub(crate) fn expects(&self) -> Expects {
        match self.open.last().map(|frame| &frame.content) {
            None if self.root.is_none() => Expects::Root,
            None => Expects::Nothing,
            Some(Content::List(_)) => Expects::Item,
            Some(Content::Map { key: None, .. }) => Expects::Key,
            Some(Content::Map { key: Some(_), .. }) => Expects::FieldValue,
        }
    }

    /// Notes what is wrong at a place; the document will be refused.
    pub(crate) fn refuse(&mut self, at: Position, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            let error = self.error(at, message);
            self.errors.push(error);
        }
    }

    /// An error at the field that is being read.
    pub(crate) fn error(&self, at: Position, message: impl Into<String>) -> InputError {
        let path = self.path().into_string();
        InputError { path, line: at.line, column: at.column, message: message.into() }
    }

    pub(crate) fn scalar(&mut self, at: Position, anchor: usize, value: Value, bytes: usize) -> Result<(), InputError> {
        self.charge(at, 1, bytes)?;
        let node = Node { at, kind: NodeKind::Scalar(value) };
        self.remember(anchor, &node, 1, bytes);
        if self.expects() == Expects::Key {
            // keys are no nodes of their own
            self.nodes -= 1;
            self.key(&node);
            return Ok(());
        }
        self.place(node);
        Ok(())
    }

    pub(crate) fn open_list(&mut self, at: Position, anchor: usize) -> Result<(), InputError> {
        self.open(at, anchor, Content::List(Vec::new()))
    }

    pub(crate) fn open_map(&mut self, at: Position, anchor: usize) -> Result<(), InputError> {
        self.open(at, anchor, Content::Map { entries: Vec::new(), names: HashSet::new(), key: None })
    }

    pub(crate) fn close(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        let kind = match frame.content {
            Content::List(items) => NodeKind::List(items),
            Content::Map { entries, .. } => NodeKind::Map(entries),
        };
        let node = Node { at: frame.at, kind };
        self.remember(frame.anchor, &node, self.nodes - frame.nodes_before, self.bytes - frame.bytes_before);
        self.place(node);
    }

    /// Repeats an anchored value; its size is counted before it is copied.
    pub(crate) fn alias(&mut self, at: Position, id: usize) -> Result<(), InputError> {
        let Some((nodes, bytes, height)) = self.anchors.get(&id).map(|a| (a.nodes, a.bytes, a.height)) else {
            return Err(self.error(at, "an alias inside the value it names would never end"));
        };
        if self.open.len() + height > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        let as_key = self.expects() == Expects::Key;
        self.charge(at, if as_key { 0 } else { nodes }, bytes)?;
        let Some(mut node) = self.anchors.get(&id).map(|anchor| anchor.node.clone()) else { return Ok(()) };
        node.at = at;
        if as_key {
            if height > 0 {
                return Err(self.error(at, format!("keys must be text, not {}", node.type_name())));
            }
            self.key(&node);
        } else {
            self.place(node);
        }
        Ok(())
    }

    /// The whole tree; `None` where nothing was written.
    pub(crate) fn finish(self) -> Result<Option<Node>, InputErrors> {
        if self.errors.is_empty() { Ok(self.root) } else { Err(InputErrors(self.errors)) }
    }

    /// What was noted so far, and the error that ended the reading.
    pub(crate) fn fail(mut self, last: InputError) -> InputErrors {
        self.errors.push(last);
        InputErrors(self.errors)
    }

    fn open(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), InputError> {
        if self.expects() == Expects::Key {
            let found = if matches!(content, Content::List(_)) { "a list" } else { "a map" };
            return Err(self.error(at, format!("keys must be text, not {found}")));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        let (nodes_before, bytes_before) = (self.nodes, self.bytes);
        self.charge(at, 1, 0)?;
        self.open.push(Frame { at, anchor, nodes_before, bytes_before, content });
        Ok(())
    }

    fn key(&mut self, node: &Node) {
        let NodeKind::Scalar(Value::String(name)) = &node.kind else {
            self.refuse(node.at, format!("keys must be text, not {}: put it in quotes", node.type_name()));
            self.set_key(String::new(), node.at);
            return;
        };
        self.set_key(name.clone(), node.at);
        if let Some(Frame { content: Content::Map { names, .. }, .. }) = self.open.last_mut()
            && !names.insert(name.clone())
        {
            self.refuse(node.at, format!("the key `{}` stands twice in one map", shown(name)));
        }
    }

    fn set_key(&mut self, name: String, at: Position) {
        if let Some(Frame { content: Content::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((name, at));
        }
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key, .. }) => {
                if let Some((name, at)) = key.take() {
                    entries.push(Entry { key: name, at, node });
                }
            }
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node, nodes: usize, bytes: usize) {
        if anchor > 0 {
            let height = node.height();
            self.anchors.insert(anchor, Anchor { node: node.clone(), nodes, bytes, height });
        }
    }

    fn charge(&mut self, at: Position, nodes: usize, bytes: usize) -> Result<(), InputError> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > MAX_NODES {
            return Err(self.error(at, format!("the document holds more than {MAX_NODES} values, aliases expanded")));
        }
        if self.bytes > MAX_BYTES {
            return Err(self.error(at, format!("the document holds more than {MAX_BYTES} bytes, aliases expanded")));
        }
        Ok(())
    }

    pub(crate) fn too_deep(&self, at: Position) -> InputError {
        self.error(at, format!("lists and maps lie more than {MAX_DEPTH} deep"))
    }

    fn path(&self) -> Path {
        let mut path = Path::root();
        for frame in &self.open {
            match &frame.content {
                Content::List(items) => _ = path.push_index(items.len()),
                Content::Map { key: Some((name, _)), .. } => _ = path.push_field(&shown(name)),
                Content::Map { key: None, .. } => {}
            }
        }
        path
    }
}
