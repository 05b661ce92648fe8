mod documents;
mod enrollment;
mod licensing;
mod refusals;
mod reporting;
