//! `kensho-node user`: keeps the file of users.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Role;
use super::users::{Users, UsersError};

/// Keep the file of users that the nodes' setting users_file names
#[derive(Debug, Args)]
pub struct UserCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user, or give one another role and password. The password is asked for, or read from standard
    /// input if that is no terminal
    Add {
        /// The user's name
        name: String,
        /// What the user may do: read rows; write them, too; or be admin, who also decides who belongs to the
        /// cluster
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        file: File,
    },
    /// Remove a user
    Remove {
        /// The user's name
        name: String,
        #[command(flatten)]
        file: File,
    },
    /// List users and roles
    List {
        #[command(flatten)]
        file: File,
    },
}

#[derive(Debug, Args)]
struct File {
    /// The file of users. Give each node a copy; nodes notice within a second when it changes
    #[arg(long, value_name = "FILE")]
    users_file: PathBuf,
}

impl UserCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// When the file, the name or the password is not what it should be.
    pub fn run(&self) -> Result<(), UsersError> {
        match &self.action {
            Action::Add { name, role, file } => {
                let path = &file.users_file;
                let mut users = match path.exists() {
                    true => Users::read(path)?,
                    false => Users::default(),
                };
                users.set(name, *role, &ask_for_password()?)?;
                users.write(path)?;
                println!("{name} may {role}, as {} says", path.display());
            }
            Action::Remove { name, file } => {
                let mut users = Users::read(&file.users_file)?;
                if users.remove(name) {
                    users.write(&file.users_file)?;
                    println!("{name} is removed");
                } else {
                    println!("there is no user {name}");
                }
            }
            Action::List { file } => {
                for (name, user) in Users::read(&file.users_file)?.iter() {
                    println!("{name}\t{}", user.role);
                }
            }
        }
        Ok(())
    }
}

fn ask_for_password() -> Result<String, UsersError> {
    let asked = if io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")
    } else {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    };
    let password = asked.map_err(|_| UsersError::Password("the password cannot be read"))?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}
