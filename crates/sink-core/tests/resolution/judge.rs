//! Asking the judges, and holding our answers against theirs.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use crate::{Pair, decode::render};

/// What the two judges say of a pair's data.
pub(crate) struct Judged {
    java: Vec<Option<Vec<u8>>>,
    error: String,
    fastavro: Vec<Option<Vec<u8>>>,
}

/// Asks both judges about all pairs.
pub(crate) fn judge(command: &str, asked: &[Value]) -> Vec<Judged> {
    let [java, fastavro] = ["java", "fastavro"].map(|which| answers(command, which, asked));
    let results = |answer: &Value| {
        let results = answer["results"].as_array().unwrap().iter();
        results.map(|result| result.as_str().map(|text| hex::decode(text).unwrap())).collect()
    };
    let error = |answer: &Value| answer["error"].as_str().unwrap_or_default().to_owned();
    let both = java.iter().zip(&fastavro);
    both.map(|(java, fastavro)| Judged { java: results(java), error: error(java), fastavro: results(fastavro) })
        .collect()
}

fn answers(command: &str, which: &str, asked: &[Value]) -> Vec<Value> {
    let mut child = Command::new(command).arg(which).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let answers: Vec<Value> = std::thread::scope(|scope| {
        // Written while answers are read: a pipe holds little.
        scope.spawn(move || asked.iter().for_each(|line| writeln!(input, "{line}").unwrap()));
        BufReader::new(output).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    });
    assert!(child.wait().unwrap().success(), "{which}");
    assert_eq!(answers.len(), asked.len(), "{which}");
    answers
}

/// How many data were compared, by what came of it.
#[derive(Default)]
pub(crate) struct Counted {
    same: u64,
    refused: u64,
    by_name: u64,
    not_text: u64,
    fastavro_differs: u64,
    faults: Vec<String>,
}

impl Counted {
    pub(crate) fn compare(&mut self, pair: &Pair, index: usize, ours: Option<&[u8]>, judged: &Judged) {
        let show = |bytes: Option<&[u8]>| bytes.map(|bytes| render(&pair.reader, bytes));
        let (ours, java, fastavro) =
            (show(ours), show(judged.java[index].as_deref()), show(judged.fastavro[index].as_deref()));
        self.fastavro_differs += u64::from(java != fastavro);
        match (&ours, &java) {
            (Some(_), _) if ours == java => self.same += 1,
            (None, None) => self.refused += 1,
            // Documented in the head of this test.
            (None, Some(_)) if pair.is_renamed() => self.by_name += 1,
            // Java makes any bytes a string; fastavro refuses these too.
            (None, Some(_)) if fastavro.is_none() && pair.writer.to_string().contains("\"bytes\"") => {
                self.not_text += 1;
            }
            _ => {
                let (datum, error) = (hex::encode(&pair.data[index]), &judged.error);
                let Pair { seed, writer, reader, .. } = pair;
                self.faults.push(format!(
                    "seed {seed}: {datum}\n  {writer}\n  {reader}\n  ours {ours:?}\n  java {java:?} {error}\n  fastavro {fastavro:?}"
                ));
            }
        }
    }

    pub(crate) fn report(&self) {
        println!(
            "{} data resolved alike, {} refused alike, {} refused for a record's name alone, {} for bytes that are not UTF-8; the judges \
             differ on {}",
            self.same, self.refused, self.by_name, self.not_text, self.fastavro_differs
        );
        for fault in self.faults.iter().take(5) {
            println!("{fault}");
        }
        assert!(self.faults.is_empty(), "{} data are resolved otherwise", self.faults.len());
        assert!(self.same > 100, "too little was shown");
    }
}
