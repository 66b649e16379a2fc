//! What a command says: answers on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::Write;

use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde::Serializer;

use crate::failure::{Exit, Failure};
use crate::message::Named;
use crate::surroundings::Surroundings;
use crate::table::{disturbs, plain};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The response in proto3 JSON, for programs.
    Json,
    /// The same in YAML.
    Yaml,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// For a terminal.
    Coloured,
    /// For everything else.
    Plain,
}

impl Paint {
    /// Colours are for terminals, where neither `--no-color` nor `NO_COLOR` asks for none.
    pub(crate) fn choose(no_color: bool, surroundings: &Surroundings) -> Self {
        if no_color || surroundings.environment.has("NO_COLOR") || !surroundings.stdout_is_terminal {
            Self::Plain
        } else {
            Self::Coloured
        }
    }

    /// Text for a yes.
    pub(crate) fn good(self, text: &str) -> String {
        self.wrapped("32", text)
    }

    /// Text for a no.
    pub(crate) fn bad(self, text: &str) -> String {
        self.wrapped("31", text)
    }

    fn wrapped(self, colour: &str, text: &str) -> String {
        match self {
            Self::Coloured => format!("\u{1b}[1;{colour}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// Where a command's answer and its errors go.
pub(crate) struct Output {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    format: Format,
    paint: Paint,
}

impl Output {
    /// Writes to these streams, in this form.
    pub(crate) fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        format: Format,
        paint: Paint,
    ) -> Self {
        Self { stdout, stderr, format, paint }
    }

    /// Writes `text` to `stream`, where there is no command to speak for.
    pub(crate) fn plain(stream: &mut dyn Write, text: &str, exit: Exit) -> Exit {
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Ok(()) => exit,
            Err(_) => Exit::No,
        }
    }

    /// The form that was asked for.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Answers with a response: for people as `human` puts it, for programs as it is.
    pub(crate) fn answer<M: Named>(
        &mut self,
        message: &M,
        human: impl FnOnce(&M, Paint) -> String,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => human(message, self.paint),
            Format::Json => json(message)?,
            Format::Yaml => yaml(message)?,
        };
        self.text(&text)
    }

    /// Answers with text as it is; a last line that does not end is ended.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.stdout.write_all(text.as_bytes()).map_err(Failure::Output)?;
        if !text.is_empty() && !text.ends_with('\n') {
            self.stdout.write_all(b"\n").map_err(Failure::Output)?;
        }
        Ok(())
    }

    /// Says something beside the answer. That it cannot be said changes no answer.
    pub(crate) fn note(&mut self, text: impl Display) {
        let _ = writeln!(self.stderr, "note: {}", plain(&text.to_string()));
    }

    /// Says something beside the answer that may need attention.
    pub(crate) fn warn(&mut self, text: impl Display) {
        let _ = writeln!(self.stderr, "warning: {}", plain(&text.to_string()));
    }

    /// Ends the command: an answer is complete only when it is written.
    pub(crate) fn finish(&mut self, outcome: Result<Exit, Failure>) -> Exit {
        let outcome = outcome.and_then(|exit| self.stdout.flush().map(|()| exit).map_err(Failure::Output));
        match outcome {
            Ok(exit) => exit,
            Err(failure) => {
                let _ = self.stdout.flush();
                let _ = self.stderr.write_all(failure.render().as_bytes());
                let _ = self.stderr.flush();
                failure.exit()
            }
        }
    }
}

/// The message in proto3 JSON, with every field that has a value or cannot be absent.
fn json<M: Named>(message: &M) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::pretty(&mut bytes);
    serialize(message, &mut serializer)?;
    let text = String::from_utf8(bytes).map_err(|refused| unwritable(M::NAME, &refused))?;
    // JSON leaves some controls as they are; outside of strings there is none but the ends of lines
    let written_out =
        |c: char| if c != '\n' && disturbs(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Ok(if text.contains(|c| c != '\n' && disturbs(c)) { text.chars().map(written_out).collect() } else { text })
}

/// The same in YAML.
fn yaml<M: Named>(message: &M) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut serializer = serde_yaml_ng::Serializer::new(&mut bytes);
    serialize(message, &mut serializer)?;
    drop(serializer);
    String::from_utf8(bytes).map_err(|refused| unwritable(M::NAME, &refused))
}

fn serialize<M: Named, S: Serializer>(message: &M, serializer: S) -> Result<(), Failure> {
    let pool = DescriptorPool::decode(reeve_api::DESCRIPTOR_SET).map_err(|e| unwritable(M::NAME, &e))?;
    let descriptor = pool.get_message_by_name(M::NAME).ok_or_else(|| unwritable(M::NAME, &"it is not in the API"))?;
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, bytes.as_slice()).map_err(|e| unwritable(M::NAME, &e))?;
    let options = SerializeOptions::new().skip_default_fields(false);
    dynamic.serialize_with_options(serializer, &options).map_err(|e| unwritable(M::NAME, &e))?;
    Ok(())
}

fn unwritable(name: &str, cause: &dyn Display) -> Failure {
    Failure::local(format!("cannot write a `{name}`: {cause}"))
}
