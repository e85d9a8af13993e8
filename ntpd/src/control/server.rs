//! The answering end of the control socket.
