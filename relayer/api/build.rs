//! Generates the gRPC service from its definition, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let definition = protox::compile(["spandrel/transfer/v1/transfer.proto"], ["proto"])?;
    tonic_prost_build::configure().build_transport(false).emit_rerun_if_changed(false).compile_fds(definition)?;
    Ok(())
}
