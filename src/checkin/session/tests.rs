mod documents;
mod enrollment;
mod refusals;
mod reporting;
