//! Schemas that refer to other subjects. A reference names a version, so what it stands for never changes.

use serde::Deserialize;

use super::{Answer, DELETED_TOO, Registry, SchemaAnswer};

/// References of one schema, all together. Confluent has no bound; a registry that answers ever new ones must not fill memory.
const MOST: usize = 500;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub(super) subject: String,
    pub(super) version: u32,
}

/// A step of the walk, which is depth first.
enum Step {
    Enter(Reference),
    /// All that it refers to is written.
    Leave(Reference, String),
}

impl Registry {
    /// The texts that a schema refers to, each after those that it refers to itself. The inner error is about the schema: a cycle,
    /// or a reference to what is not there.
    ///
    /// # Errors
    /// When the registry did not say.
    pub(super) async fn references(&self, direct: Vec<Reference>) -> Result<Result<Vec<String>, String>, String> {
        let name = |reference: &Reference| format!("version {} of `{}`", reference.version, reference.subject);
        let key = |reference: &Reference| (reference.subject.clone(), reference.version);
        let mut steps: Vec<Step> = direct.into_iter().rev().map(Step::Enter).collect();
        let (mut open, mut done, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(reference, text) => {
                    open.retain(|other| *other != key(&reference));
                    done.push(key(&reference));
                    texts.push(text);
                }
                Step::Enter(reference) if done.contains(&key(&reference)) => {}
                Step::Enter(reference) if open.contains(&key(&reference)) => {
                    return Ok(Err(format!("{} refers to itself, by way of others", name(&reference))));
                }
                Step::Enter(reference) => {
                    if open.len() + done.len() >= MOST {
                        return Ok(Err(format!("it refers to more than {MOST} schemas")));
                    }
                    let version = reference.version.to_string();
                    let path = ["subjects", &reference.subject, "versions", &version];
                    let answer: SchemaAnswer = match self.get(&path, &DELETED_TOO).await {
                        Answer::Found(answer) => answer,
                        Answer::Missing => {
                            return Ok(Err(format!(
                                "it refers to {}, which the registry does not have",
                                name(&reference)
                            )));
                        }
                        Answer::Down(reason) => return Err(reason),
                    };
                    open.push(key(&reference));
                    steps.push(Step::Leave(reference, answer.schema));
                    steps.extend(answer.references.into_iter().rev().map(Step::Enter));
                }
            }
        }
        Ok(Ok(texts))
    }
}
