//! Rows of a list.

/// Rows of a list that can be read, and how many where these stand can't be: what a list lacks need not be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// Those that can be read, in the list's order.
    pub rows: Vec<T>,
    /// Others that were met. What was read at once may reach behind the last row that is shown, so that two pages may
    /// count the same one, and none is counted by none.
    pub unreadable_count: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows { rows: Vec::new(), unreadable_count: 0 }
    }
}

impl<T> Rows<T> {
    /// One more that was met; nothing where it can't be read.
    pub fn add(&mut self, read: Option<T>) {
        match read {
            Some(row) => self.rows.push(row),
            None => self.unreadable_count += 1,
        }
    }

    /// What comes behind.
    pub fn append(&mut self, behind: Rows<T>) {
        self.rows.extend(behind.rows);
        self.unreadable_count += behind.unreadable_count;
    }
}

impl<T> FromIterator<Option<T>> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(met: I) -> Self {
        let mut rows = Rows::default();
        met.into_iter().for_each(|read| rows.add(read));
        rows
    }
}

impl<T> FromIterator<Rows<T>> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = Rows<T>>>(stretches: I) -> Self {
        let mut rows = Rows::default();
        stretches.into_iter().for_each(|stretch| rows.append(stretch));
        rows
    }
}
