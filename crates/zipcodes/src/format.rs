use csv::StringRecord;

/// The columns of one format, by the names in its header.
struct Names {
    zipcode: &'static str,
    state: &'static str,
    metro: &'static str,
    size_rank: &'static str,
    region_type: Option<&'static str>,
}

const OURS: Names = Names {
    zipcode: "zipcode",
    state: "state",
    metro: "metro",
    size_rank: "size_rank",
    region_type: None,
};

const ZILLOW: Names = Names {
    zipcode: "RegionName",
    state: "State",
    metro: "Metro",
    size_rank: "SizeRank",
    region_type: Some("RegionType"),
};

/// Where the columns of a file are.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) zipcode: usize,
    pub(crate) state: usize,
    pub(crate) metro: usize,
    pub(crate) size_rank: usize,
    pub(crate) region_type: Option<usize>,
    /// How many fields the header has.
    pub(crate) count: usize,
}

#[derive(Debug)]
pub(crate) enum HeaderError {
    Unknown { ours: Vec<&'static str>, zillow: Vec<&'static str> },
    Twice(&'static str),
}

impl Columns {
    /// Finds the columns of the first format that the header has all columns of.
    pub(crate) fn find(header: &StringRecord) -> Result<Self, HeaderError> {
        let (ours, zillow) = (OURS.missing(header), ZILLOW.missing(header));
        if ours.is_empty() {
            OURS.locate(header)
        } else if zillow.is_empty() {
            ZILLOW.locate(header)
        } else {
            Err(HeaderError::Unknown { ours, zillow })
        }
    }
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.zipcode, self.state, self.metro, self.size_rank].into_iter().chain(self.region_type)
    }

    fn missing(&self, header: &StringRecord) -> Vec<&'static str> {
        self.all().filter(|name| !header.iter().any(|column| column == *name)).collect()
    }

    fn locate(&self, header: &StringRecord) -> Result<Columns, HeaderError> {
        let at = |name: &'static str| {
            let mut positions = (0..header.len()).filter(|position| &header[*position] == name);
            match (positions.next(), positions.next()) {
                (Some(position), None) => Ok(position),
                // Which of two is meant cannot be told.
                _ => Err(HeaderError::Twice(name)),
            }
        };
        Ok(Columns {
            zipcode: at(self.zipcode)?,
            state: at(self.state)?,
            metro: at(self.metro)?,
            size_rank: at(self.size_rank)?,
            region_type: self.region_type.map(at).transpose()?,
            count: header.len(),
        })
    }
}
