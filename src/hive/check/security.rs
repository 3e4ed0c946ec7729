//! The check of the list of security descriptors.

use super::Checker;
use crate::hive::bitmap::Bitmap;
use crate::hive::security::{self, Security};

impl Checker<'_, '_> {
    /// Every descriptor in use is in one list that closes both ways and counts its users.
    pub(super) fn check_descriptors(&mut self) {
        self.count_latest_user();
        let users = std::mem::take(&mut self.users);
        let Some((&first, _)) = users.first_key_value() else {
            return;
        };
        let listed = self.follow_list(first);
        for (&offset, &found) in &users {
            if !listed.has(offset) {
                self.refuse(offset, "a security descriptor is not in the list of them");
            }
            let Ok(descriptor) = Security::read(self.cells, offset) else {
                continue;
            };
            let declared = descriptor.number(security::USERS);
            let sentence = format!("a security descriptor says that {declared} keys use it, {found} do");
            if declared < found {
                self.refuse(offset, sentence);
            } else if declared > found {
                self.warn(offset, sentence);
            }
        }
    }

    /// Goes round the list from `first`; what it finds on the way is claimed.
    fn follow_list(&mut self, first: u32) -> Bitmap {
        let mut listed = Bitmap::new(self.cells.bins().len());
        let mut current = first;
        while listed.set(current) {
            let Ok(descriptor) = Security::read(self.cells, current) else {
                break;
            };
            let next = descriptor.number(security::NEXT);
            if !self.ground.is_in_use(next) {
                self.refuse(
                    current,
                    "the list of security descriptors leads to no cell in use",
                );
                break;
            }
            match Security::read(self.cells, next) {
                Ok(follower) => {
                    if follower.number(security::PREVIOUS) != current {
                        self.refuse(
                            next,
                            "a security descriptor does not name the one before it in the list",
                        );
                    }
                    if !listed.has(next) && self.ground.unclaimed.take(next, true) {
                        self.warn(next, "a security descriptor is in the list, but no key uses it");
                    }
                }
                Err(error) => {
                    self.findings.push_error(error);
                    break;
                }
            }
            current = next;
        }
        if current != first {
            self.refuse(current, "the list of security descriptors does not close");
        }
        listed
    }
}
